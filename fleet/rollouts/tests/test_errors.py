"""A roll-out that cannot be advanced does not hold up the others."""

import logging
from collections import Counter
from datetime import datetime

import pytest

from fleet.firmware.models import Firmware
from fleet.rollouts.engine import advance
from fleet.rollouts.models import Rollout, RolloutDevice, RolloutWave
from fleet.rollouts.selection import Selection
from fleet.rollouts.tests.estate import Estate, state_of, states_of

pytestmark = pytest.mark.django_db


def test_the_rollouts_behind_one_that_fails_are_advanced(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tills = [estate.device(estate.site(f"site {number}")) for number in range(3)]
    for till in tills:
        estate.start(name=till.device_id, selection=Selection(device_ids=(till.pk,)))
    order = list(Rollout.objects.order_by("pk"))
    broken = order[0]

    def join(rollout: Rollout, *, at: datetime) -> Counter[str]:
        joined = advance.join_devices(rollout, at=at)
        if rollout.pk == broken.pk:
            # An error of the database, which on PostgreSQL ends the transaction.
            RolloutWave.objects.create(rollout=rollout, number=0, **GATE)
        return joined

    steps = tuple(join if step is advance.join_devices else step for step in advance.STEPS)
    monkeypatch.setattr(advance, "STEPS", steps)
    with caplog.at_level(logging.ERROR, logger="portcullis.rollouts"):
        assert estate.tick() == {"joined": 2, "offered": 2, "errors": 1}
    assert f"the roll-out {broken.pk} could not be advanced" in caplog.text
    assert "rolloutwave_number_once" in caplog.text or "UNIQUE" in caplog.text
    assert states_of(broken) == {}, "the step was undone"
    monkeypatch.undo()
    assert estate.tick() == {"joined": 1, "offered": 1}
    assert {state_of(till)[0] for till in tills} == {"in_flight"}


GATE = {
    "percent": None,
    "min_success_percent": 0,
    "max_failures": 0,
    "deadline_minutes": 1,
    "online_minutes": 0,
    "observation_minutes": 0,
    "patience_hours": 0,
}


def test_a_firmware_that_is_withdrawn_is_offered_to_no_device(estate: Estate) -> None:
    """Also if the worker's clock is behind the wave's start, so that it does not judge the wave."""
    till = estate.device(estate.site())
    rollout = estate.start()
    Firmware.objects.filter(pk=estate.new.pk).update(withdrawn_at=estate.at)
    rollout.waves.update(started_at=estate.at.replace(year=2027))
    assert estate.tick() == {"joined": 1}
    assert RolloutDevice.objects.get(device=till).state == "waiting"
