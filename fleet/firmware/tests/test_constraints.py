"""The database has the last word: each rule that a row can break, broken behind the services' back."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from audit.actors import SYSTEM
from conftest import Clock, RegisteredSite
from fleet.devices.services import register_device
from fleet.firmware.models import Firmware, FirmwareTarget
from fleet.firmware.tests.rows import add_row

pytestmark = pytest.mark.django_db


def refuses(operate: Callable[[], object], constraint: str) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        operate()
    assert constraint in str(refusal.value)


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("firmware_named", {"product": ""}),
        ("firmware_named", {"version": ""}),
        ("firmware_channel_known", {"channel": "nightly"}),
        ("firmware_hardware_not_empty", {"hardware": ""}),
        ("firmware_min_from_not_empty", {"min_from": ""}),
        ("firmware_sha256_length", {"sha256": "abc"}),
        ("firmware_not_empty", {"size": 0}),
        ("firmware_revision_positive", {"revision": 0}),
        ("firmware_manifest_iff_signed", {"manifest": "a.b.c"}),
    ],
)
def test_a_firmware_that_breaks_a_rule_is_refused(constraint: str, columns: dict[str, Any]) -> None:
    row = Firmware.objects.filter(pk=add_row().pk)
    refuses(lambda: row.update(**columns), constraint)


def test_a_version_is_there_once_for_a_product() -> None:
    add_row("1.0.0")
    add_row("1.0.0", product="display")
    add_row("1.0.0+other")
    named = "firmware_version_once_for_a_product"
    words = "firmware_firmware.product, firmware_firmware.version"
    refuses(lambda: add_row("1.0.0"), named if connection.vendor == "postgresql" else words)


def test_a_file_belongs_to_one_version() -> None:
    add_row("1.0.0", file_name="a.bin")
    refuses(lambda: add_row("2.0.0", file_name="a.bin"), "file_name")


def test_targets_have_a_known_source_and_keep_their_firmware(roma: RegisteredSite, clock: Clock) -> None:
    device = register_device(uuid.UUID(roma.site_id), device_id="till-1", by=SYSTEM, at=clock.at).device
    firmware = add_row()
    target = FirmwareTarget.objects.create(device=device, firmware=firmware, set_at=clock.at, source="admin")
    refuses(lambda: FirmwareTarget.objects.filter(pk=target.pk).update(source="guess"), "firmwaretarget_source_known")
    targets = FirmwareTarget.objects.filter(pk=target.pk)
    refuses(lambda: targets.update(source="rollout"), "firmwaretarget_ends_iff_of_rollout")
    refuses(lambda: targets.update(offered_until=clock.at), "firmwaretarget_ends_iff_of_rollout")
    with pytest.raises(ProtectedError):
        firmware.delete()
