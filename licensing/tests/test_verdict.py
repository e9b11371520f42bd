"""The verdict over a site's facts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from licensing.verdict import Verdict, decide

END = datetime(2026, 12, 31, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@dataclass
class Terms:
    is_active: bool = True
    is_locked: bool = False
    lock_reason: str | None = None
    license_expires_at: datetime = END


@pytest.mark.parametrize(("at", "licensed"), [(END - TICK, True), (END, False), (END + TICK, False)])
def test_a_licence_ends_at_its_end_to_the_microsecond(at: datetime, licensed: bool) -> None:
    assert decide(Terms(), at=at).licensed is licensed


@pytest.mark.parametrize("hours", [-12, -5.5, 0, 5.75, 14])
def test_the_zone_of_a_clock_makes_no_difference(hours: float) -> None:
    zone = timezone(timedelta(hours=hours))
    assert decide(Terms(), at=(END - TICK).astimezone(zone)).licensed is True
    assert decide(Terms(), at=END.astimezone(zone)).licensed is False


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("expired", [True, False])
def test_a_lock_and_a_licence_are_independent(locked: bool, active: bool, expired: bool) -> None:
    terms = Terms(is_active=active, is_locked=locked, lock_reason="unpaid" if locked else None)
    verdict = decide(terms, at=END if expired else END - TICK)
    assert verdict == Verdict(
        licensed=active and not expired,
        locked=locked,
        lock_reason="unpaid" if locked else None,
        expires_at=END,
    )
