"""The checker that judges the runs under faults: what it must find, and what it must let pass."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.check import (
    Stored,
    lost_changes,
    lost_extensions,
    lost_heartbeats,
    lost_registrations,
    wrong_verdicts,
)
from tests.faults.records import Change, Heartbeat, Verdict

pytestmark = pytest.mark.any_database

LOCKED = Change("roma", "lock_reason", "unpaid", first_sent_at=10, acknowledged_at=12)
UNLOCKED = Change("roma", "lock_reason", None, first_sent_at=20, acknowledged_at=21)


def verdict(value: Any, asked_at: float, answered_at: float, field: str = "lock_reason") -> Verdict:
    return Verdict("roma", field, value, asked_at, answered_at)


@pytest.mark.parametrize(
    "right",
    [
        verdict(None, 8, 9),
        verdict(None, 11, 13),  # asked before the acknowledgement
        verdict("unpaid", 9, 11),  # answered after the lock was sent
        verdict("unpaid", 12, 13),
        verdict("unpaid", 11, 30),
        verdict(None, 11, 30),
        verdict(None, 21, 22),
        verdict(True, 1, 2, "is_active"),
    ],
)
def test_a_verdict_that_some_order_of_requests_explains_is_right(right: Verdict) -> None:
    assert wrong_verdicts([LOCKED, UNLOCKED], [right]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        verdict("unpaid", 8, 9),  # before anybody locked it
        verdict(None, 12, 13),  # asked after the acknowledgement
        verdict("unpaid", 22, 23),
        verdict("fraud", 12, 13),
        verdict(False, 1, 2, "is_active"),
    ],
)
def test_a_verdict_against_an_acknowledged_change_is_wrong(wrong: Verdict) -> None:
    (finding,) = wrong_verdicts([LOCKED, UNLOCKED], [wrong])
    assert (finding.at, repr(wrong.value) in finding.text) == (wrong.answered_at, True)


def test_a_change_without_an_acknowledgement_may_have_happened_or_not() -> None:
    unsure = Change("roma", "lock_reason", "unpaid", first_sent_at=10)
    assert wrong_verdicts([unsure], [verdict("unpaid", 11, 12), verdict(None, 100, 101)]) == []
    for reason in ("unpaid", None):
        assert lost_changes([unsure], stored_site(lock_reason=reason, events=0)) == []
    assert len(lost_changes([unsure], stored_site(lock_reason="fraud", events=0))) == 1


def stored_site(*, lock_reason: str | None = None, events: int = 2, ends_at: datetime | None = None) -> Stored:
    return Stored(
        sites={"roma": {"lock_reason": lock_reason, "is_active": True, "license_expires_at": ends_at}},
        events=Counter({("roma", "site.locked"): events, ("roma", "site.extended"): events}),
    )


def test_a_lock_that_is_not_in_the_database_is_lost() -> None:
    assert lost_changes([LOCKED], stored_site(lock_reason="unpaid", events=1)) == []
    assert len(lost_changes([LOCKED], stored_site(lock_reason=None, events=1))) == 1


def test_each_acknowledged_change_is_one_event() -> None:
    assert lost_changes([LOCKED, UNLOCKED], stored_site(events=2)) == []
    for events in (1, 3):
        assert len(lost_changes([LOCKED, UNLOCKED], stored_site(events=events))) == 1


@pytest.mark.parametrize(("days", "lost"), [(2, 0), (1, 1), (3, 0), (4, 1)])
def test_a_licence_is_extended_once_for_each_acknowledgement(days: int, lost: int) -> None:
    """Two are acknowledged, and one more was sent."""
    began = datetime(2026, 11, 1, tzinfo=UTC)
    sent = [Change("roma", "days", 1, 1, 2), Change("roma", "days", 1, 3, 4), Change("roma", "days", 1, 5)]
    stored = stored_site(ends_at=began + timedelta(days=days), events=2)
    assert len(lost_extensions(sent, {"roma": began}, stored)) == lost


@pytest.mark.parametrize(("count", "lost"), [(0, 1), (1, 0), (2, 1)])
def test_a_heartbeat_and_a_registration_are_stored_once(count: int, lost: int) -> None:
    stored = Stored(heartbeats=Counter({7: count}), names=Counter({"Roma": count}))
    assert len(lost_heartbeats([Heartbeat("roma", 7, answered_at=1)], stored)) == lost
    assert len(lost_registrations([Change("", "name", "Roma", 1, 2)], stored)) == lost


def test_a_registration_without_an_acknowledgement_is_stored_at_most_once() -> None:
    sent = [Change("", "name", "Roma", 1)]
    assert [len(lost_registrations(sent, Stored(names=Counter({"Roma": count})))) for count in (0, 1, 2)] == [0, 0, 1]
