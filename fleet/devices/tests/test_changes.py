"""What counts as a change of a device."""

import uuid
from typing import Any

import pytest

from audit.actors import SYSTEM
from audit.models import Event
from conftest import Clock, RegisteredSite
from fleet.devices.models import Device
from fleet.devices.services import register_device, update_device

pytestmark = pytest.mark.django_db


def configured(roma: RegisteredSite, clock: Clock, *configs: dict[str, Any]) -> Device:
    """A device that got these configurations, one after the other, as the database has it."""
    device = register_device(uuid.UUID(roma.site_id), device_id="till-1", by=SYSTEM, at=clock.at).device
    for config in configs:
        update_device(device.pk, {"config": config}, by=SYSTEM, at=clock.at)
    return Device.objects.get(pk=device.pk)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 0}, {"a": False}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": [{"b": 1}]}, {"a": [{"b": True}]}),
    ],
)
def test_a_value_of_another_json_type_is_a_change(
    roma: RegisteredSite, clock: Clock, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Python takes 1, 1.0 and True for equal; a device does not."""
    device = configured(roma, clock, before, after)
    assert (repr(device.config), device.config_version) == (repr(after), 3)


def test_another_order_of_the_same_names_is_no_change(roma: RegisteredSite, clock: Clock) -> None:
    device = configured(roma, clock, {"a": 1, "b": {"c": "ü", "d": None}}, {"b": {"d": None, "c": "ü"}, "a": 1})
    assert device.config_version == 2
    assert Event.objects.filter(action="device.updated").count() == 1
