"""Updated devices that are worse off than before have failed."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Value
from django.test.utils import CaptureQueriesContext

from fleet.devices.models import Device
from fleet.rollouts.health import MEASURES
from fleet.rollouts.models import RolloutDevice
from fleet.rollouts.tests.estate import NIGHT, Estate, state_of, target_of
from fleet.rollouts.waves import WaveSpec
from fleet.telemetry.services import Sample, store_samples

pytestmark = pytest.mark.django_db
LOOSE = {"max_failures": 100, "min_success_percent": 0}


def sample(device: Device, at: datetime, *, cpu: float = 20, memory: float = 500, celsius: float | None = 40) -> None:
    store_samples(device.pk, [Sample(at, cpu, memory, 1_000, celsius)], at=at)


def update(estate: Estate, *devices: Device, since: dict[str, float | None] | None, **wave: int | None) -> None:
    """All report the new version, and samples of these values since then."""
    estate.start(waves=[WaveSpec(100, **LOOSE, **wave)])  # type: ignore[arg-type]
    estate.report_all()
    estate.tick()
    estate.move(minutes=5)
    estate.report(*devices, version="2.0.0")
    estate.tick()
    estate.move(minutes=10)
    estate.report_all()
    if since is not None:
        for device in devices:
            sample(device, estate.at - timedelta(minutes=2), **since)  # type: ignore[arg-type]
    estate.tick()


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ({"cpu": 45}, ("succeeded", "")),
        ({"cpu": 46}, ("failed", "Its CPU rose from 20 to 46 %.")),
        ({"memory": 760}, ("failed", "Its memory rose from 50 to 76 %.")),
        ({"celsius": 66}, ("failed", "Its temperature rose from 40 to 66 °C.")),
        ({"celsius": None}, ("succeeded", "")),
        ({"cpu": 5, "memory": 100, "celsius": 20}, ("succeeded", "")),
        (None, ("succeeded", "")),
    ],
)
def test_a_rise_by_more_than_the_gate_allows_is_a_failure(
    estate: Estate, since: dict[str, float | None] | None, expected: tuple[str, str]
) -> None:
    till = estate.device(estate.site())
    sample(till, NIGHT - timedelta(hours=1))
    update(estate, till, since=since)
    assert state_of(till) == expected
    assert target_of(till) == (None if expected[0] == "failed" else "2.0.0")


def test_without_a_limit_nothing_is_compared(estate: Estate) -> None:
    till = estate.device(estate.site())
    sample(till, NIGHT - timedelta(hours=1))
    update(estate, till, since={"cpu": 100}, max_health_rise=None)
    assert state_of(till) == ("succeeded", "")


def test_what_lies_far_before_and_what_came_during_the_update_does_not_count(estate: Estate) -> None:
    till = estate.device(estate.site())
    sample(till, NIGHT - timedelta(hours=7), cpu=0)
    sample(till, NIGHT - timedelta(hours=1), cpu=60)
    sample(till, NIGHT + timedelta(minutes=2), cpu=100)
    update(estate, till, since={"cpu": 80})
    assert state_of(till) == ("succeeded", "")


def test_an_earlier_rollout_of_the_device_does_not_count(estate: Estate) -> None:
    till = estate.device(estate.site())
    sample(till, NIGHT - timedelta(hours=1), cpu=20)
    earlier = estate.start(estate.firmware("1.5.0"), name="May")
    estate.tick()
    RolloutDevice.objects.filter(rollout=earlier).update(
        state="failed", reason="So.", finished_at=estate.at, offered_at=NIGHT - timedelta(hours=3)
    )
    update(estate, till, since={"cpu": 40})
    assert state_of(till) == ("succeeded", "")
    assert RolloutDevice.objects.filter(device=till).count() == 2


def test_any_number_of_devices_is_compared_in_one_statement(estate: Estate) -> None:
    tills = [estate.device(estate.site(f"site {number}")) for number in range(20)]
    for till in tills:
        sample(till, NIGHT - timedelta(hours=1))
    with CaptureQueriesContext(connection) as captured:
        update(estate, *tills, since={"cpu": 90})
    assert {state_of(till)[0] for till in tills} == {"failed"}
    assert sum("AVG(" in each["sql"] for each in captured) == 1


def test_a_share_of_no_memory_is_unknown_and_no_error(estate: Estate) -> None:
    """The database refuses such a sample; PostgreSQL would fail on the whole statement."""
    estate.device(estate.site())
    empty = Device.objects.annotate(memory_used_mb=Value(0.0), memory_total_mb=Value(0.0))
    assert empty.values_list(MEASURES["memory"][1], flat=True).get() is None
