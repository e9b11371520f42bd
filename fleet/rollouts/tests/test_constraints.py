"""The database has the last word: each rule that a row can break, broken behind the services' back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit.actors import SYSTEM
from fleet.rollouts.models import MaintenanceWindow, Rollout, RolloutDevice, RolloutWave
from fleet.rollouts.services import create_rollout
from fleet.rollouts.tests.estate import NIGHT, Estate

pytestmark = pytest.mark.django_db
LATER = NIGHT + timedelta(minutes=10)
OFFERED = {"offered_at": NIGHT, "deadline_at": LATER, "ends_at": LATER}


@pytest.fixture
def rollout(estate: Estate) -> Rollout:
    return create_rollout(firmware_id=estate.new.pk, name="June", by=SYSTEM, at=NIGHT)


@pytest.fixture
def add(estate: Estate, rollout: Rollout) -> Callable[..., RolloutDevice]:
    site = estate.site()

    def add(device_id: str = "till-1", **facts: Any) -> RolloutDevice:
        values = {"rollout": rollout, "site": site, "wave": 0, "firmware": estate.new, "joined_at": NIGHT, **facts}
        if "device" not in values:
            values["device"] = estate.device(site, device_id)
        return RolloutDevice.objects.create(**values)

    return add


def refuses(operate: Callable[[], object], *names: str) -> None:
    """SQLite names the columns of a unique constraint in place of its name."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        operate()
    assert any(name in str(refusal.value) for name in names), refusal.value


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("rollout_name_not_empty", {"name": ""}),
        ("rollout_revision_positive", {"revision": 0}),
        ("rollout_paused_iff_reason", {"pause_reason": "so"}),
        ("rollout_paused_iff_reason", {"state": "paused", "started_at": NIGHT}),
        ("rollout_times_fit_state", {"state": "running"}),
        ("rollout_times_fit_state", {"started_at": NIGHT}),
        ("rollout_times_fit_state", {"state": "finished", "started_at": NIGHT}),
        ("rollout_times_fit_state", {"state": "aborted"}),
        ("rollout_times_fit_state", {"state": "unknown"}),
        ("rollout_finishes_after_start", {"state": "finished", "started_at": LATER, "finished_at": NIGHT}),
        ("rollout_back_has_a_time", {"state": "rolling_back", "started_at": NIGHT}),
    ],
)
def test_a_rollout_that_breaks_a_rule_is_refused(rollout: Rollout, constraint: str, columns: dict[str, Any]) -> None:
    refuses(lambda: Rollout.objects.filter(pk=rollout.pk).update(**columns), constraint)


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("rolloutwave_percent_range", {"percent": 0}),
        ("rolloutwave_percent_range", {"percent": 101}),
        ("rolloutwave_percent_range", {"percent": None}),
        ("rolloutwave_gate_range", {"min_success_percent": 101}),
        ("rolloutwave_gate_range", {"deadline_minutes": 0}),
        ("rolloutwave_gate_range", {"deadline_minutes": 46}),
        ("rolloutwave_gate_range", {"online_minutes": 16}),
        ("rolloutwave_gate_range", {"observation_minutes": 10_081}),
        ("rolloutwave_gate_range", {"patience_hours": 2_161}),
        ("rolloutwave_gate_range", {"max_health_rise": 101}),
        ("rolloutwave_finishes_after_start", {"finished_at": NIGHT}),
        ("rolloutwave_finishes_after_start", {"started_at": LATER, "finished_at": NIGHT}),
    ],
)
def test_a_wave_that_breaks_a_rule_is_refused(rollout: Rollout, constraint: str, columns: dict[str, Any]) -> None:
    refuses(lambda: RolloutWave.objects.filter(rollout=rollout, number=1).update(**columns), constraint)


def test_a_wave_is_there_once(rollout: Rollout) -> None:
    second = RolloutWave.objects.filter(rollout=rollout, number=1)
    refuses(lambda: second.update(number=2), "rolloutwave_number_once", "rolloutwave.number")


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("rolloutdevice_times_fit_state", {"state": "in_flight"}),
        ("rolloutdevice_times_fit_state", {**OFFERED}),
        ("rolloutdevice_times_fit_state", {"finished_at": NIGHT}),
        ("rolloutdevice_times_fit_state", {"state": "in_flight", **OFFERED, "finished_at": LATER}),
        ("rolloutdevice_times_fit_state", {"state": "succeeded", "finished_at": LATER}),
        ("rolloutdevice_times_fit_state", {"state": "succeeded", **OFFERED}),
        ("rolloutdevice_times_fit_state", {"state": "skipped", "reason": "so"}),
        ("rolloutdevice_times_fit_state", {"state": "unknown"}),
        ("rolloutdevice_deadline_after_offer", {"state": "in_flight", "offered_at": NIGHT}),
        ("rolloutdevice_deadline_after_offer", {"state": "in_flight", **OFFERED, "deadline_at": NIGHT}),
        ("rolloutdevice_deadline_after_offer", {"state": "in_flight", **OFFERED, "ends_at": NIGHT}),
        ("rolloutdevice_deadline_after_offer", {"reported_at": NIGHT}),
        ("rolloutdevice_reason_iff_not_updated", {"reason": "so"}),
        ("rolloutdevice_reason_iff_not_updated", {"state": "skipped", "finished_at": NIGHT}),
    ],
)
def test_a_device_that_breaks_a_rule_is_refused(
    add: Callable[..., RolloutDevice], constraint: str, columns: dict[str, Any]
) -> None:
    row = add()
    refuses(lambda: RolloutDevice.objects.filter(pk=row.pk).update(**columns), constraint)


def test_a_site_has_one_device_in_flight_over_all_rollouts(estate: Estate, add: Callable[..., RolloutDevice]) -> None:
    add(state="in_flight", **OFFERED)
    other = create_rollout(firmware_id=estate.new.pk, name="Other", by=SYSTEM, at=NIGHT)
    for facts in ({}, {"rollout": other}):
        refuses(
            lambda facts=facts: add("till-2", state="in_flight", **OFFERED, **facts),
            "rolloutdevice_one_in_flight_per_site",
            "rolloutdevice.site_id",
        )
    add("till-2")


def test_a_device_is_in_one_rollout_at_a_time(estate: Estate, add: Callable[..., RolloutDevice]) -> None:
    first = add()
    other = create_rollout(firmware_id=estate.new.pk, name="Other", by=SYSTEM, at=NIGHT)
    names = ("rolloutdevice_in_one_rollout_at_a_time", "rolloutdevice.device_id")
    refuses(lambda: add(rollout=other, device=first.device), *names)
    RolloutDevice.objects.filter(pk=first.pk).update(state="skipped", reason="so", finished_at=LATER)
    add(rollout=other, device=first.device)


def test_a_device_is_in_a_rollout_once_each_way(add: Callable[..., RolloutDevice]) -> None:
    first = add(state="succeeded", **OFFERED, finished_at=LATER)
    refuses(lambda: add(device=first.device), "rolloutdevice_once_each_way", "rolloutdevice.rollout_id")
    add(device=first.device, direction="back")


def test_a_window_has_a_length(estate: Estate) -> None:
    site = estate.site()
    refuses(
        lambda: MaintenanceWindow.objects.create(site=site, start="03:00", end="03:00"),
        "maintenancewindow_has_a_length",
    )
