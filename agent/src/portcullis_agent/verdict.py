"""Whether the site may operate: a pure computation from the newest good lease and the trusted time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from portcullis_agent.lease import LATEST, STOPPING_STATES, Lease

DAY = 24 * 60 * 60
NOT_HEARD_SECONDS = 2 * DAY
LEASE_ENDS_SOON_SECONDS = 7 * DAY
LICENSE_ENDS_SOON_SECONDS = 14 * DAY
CLOCK_TOLERANCE_SECONDS = 60 * 60


@dataclass(frozen=True)
class Verdict:
    """What the host application asks for. `reason` is for the person at the till, when the site may not operate."""

    state: str
    may_operate: bool
    reason: str | None
    notices: tuple[str, ...]
    license_expires_at: datetime | None
    lease_expires_at: datetime | None
    last_contact_at: datetime | None
    revision: int | None

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON: times in RFC 3339, in UTC."""
        values = asdict(self)
        for name, value in values.items():
            if isinstance(value, datetime):
                values[name] = value.strftime("%Y-%m-%dT%H:%M:%SZ")
        return values | {"notices": list(self.notices)}


@dataclass(frozen=True)
class Snapshot:
    """All that a verdict follows from; replaced as a whole, never changed.

    `anchor_time` is the lowest time that it can have been, in seconds since 1970, when the monotonic clock showed
    `anchor_monotonic`. Without any lease yet it counts from zero. `is_exact`: the lease came in since the process
    started, so that the trusted time is the time and not only its lower bound.
    """

    lease: Lease | None
    anchor_time: float
    anchor_monotonic: float
    is_exact: bool = False
    problem: str | None = None
    storage_problem: str | None = None

    def trusted_time(self, monotonic: float) -> float:
        return min(self.anchor_time + max(0.0, monotonic - self.anchor_monotonic), LATEST)


def decide(snapshot: Snapshot, *, monotonic: float, wall: float, grace_seconds: float) -> Verdict:
    now = snapshot.trusted_time(monotonic)
    lease = snapshot.lease
    if lease is None:
        return _without_lease(snapshot, now, grace_seconds)
    reasons = _stopping_reasons(lease, now)
    stopping = [state for state in reasons if state in lease.stop_on]
    notices = tuple(_notices(snapshot, lease, now, wall))
    may_operate = not stopping
    if reasons and may_operate:
        notices = (*reasons.values(), *notices)
    state = (stopping or list(reasons) or ["notice" if notices else "ok"])[0]
    return Verdict(
        state=state,
        may_operate=may_operate,
        reason=None if may_operate else reasons[state],
        notices=notices,
        license_expires_at=lease.license_expires_at,
        lease_expires_at=_moment(lease.expires_at),
        last_contact_at=_moment(lease.issued_at),
        revision=lease.revision,
    )


def _without_lease(snapshot: Snapshot, now: float, grace_seconds: float) -> Verdict:
    waiting = now < grace_seconds
    reason = "This site has no valid lease from the licence server. Please check its internet connection."
    notices = ["This site has not received its first lease from the licence server yet."]
    notices += [text for text in (snapshot.problem, snapshot.storage_problem) if text]
    return Verdict(
        state="notice" if waiting else "lapsed",
        may_operate=waiting,
        reason=None if waiting else reason,
        notices=tuple(notices),
        license_expires_at=None,
        lease_expires_at=None,
        last_contact_at=None,
        revision=None,
    )


def _stopping_reasons(lease: Lease, now: float) -> dict[str, str]:
    """The states of `stop_on` that hold now, in the order of their weight, each with its reason in a sentence."""
    reasons = {}
    if lease.locked:
        reasons["locked"] = f"This site is locked: {lease.lock_reason}" if lease.lock_reason else "This site is locked."
    ended = lease.license_expires_at is not None and now >= lease.license_expires_at.timestamp()
    if not lease.licensed or ended:
        day = lease.license_expires_at
        reasons["expired"] = (
            f"The licence of this site ended on {day:%Y-%m-%d}."
            if day is not None and (ended or day.timestamp() <= lease.issued_at)
            else "The licence of this site is not active."
        )
    if now >= lease.expires_at:
        reasons["lapsed"] = (
            f"The licence server has not been reached since {_moment(lease.issued_at):%Y-%m-%d}."
            " Please check this site's internet connection."
        )
    return {state: reasons[state] for state in STOPPING_STATES if state in reasons}


def _notices(snapshot: Snapshot, lease: Lease, now: float, wall: float) -> list[str]:
    notices = [snapshot.storage_problem] if snapshot.storage_problem else []
    if now - lease.issued_at > NOT_HEARD_SECONDS:
        days = int((now - lease.issued_at) // DAY)
        notices.append(f"The licence server has not been reached for {days} days.")
        if snapshot.problem:
            notices.append(snapshot.problem)
    if 0 < lease.expires_at - now <= LEASE_ENDS_SOON_SECONDS:
        until = f"{_moment(lease.expires_at):%Y-%m-%d %H:%M} UTC"
        notices.append(f"Without the licence server this site can operate until {until}.")
    ends = lease.license_expires_at
    if ends is not None and 0 < ends.timestamp() - now <= LICENSE_ENDS_SOON_SECONDS:
        notices.append(f"The licence of this site ends on {ends:%Y-%m-%d}.")
    doubt = _clock_doubt(snapshot, lease, now, wall)
    return [*notices, doubt] if doubt else notices


def _clock_doubt(snapshot: Snapshot, lease: Lease, now: float, wall: float) -> str | None:
    if wall < now - CLOCK_TOLERANCE_SECONDS:
        return f"This machine's clock is slow: it is at least {_moment(now):%Y-%m-%d %H:%M} UTC. Leases do not depend on it."
    if snapshot.is_exact and wall > now + CLOCK_TOLERANCE_SECONDS:
        return (
            f"This machine's clock is fast: it is about {_moment(now):%Y-%m-%d %H:%M} UTC. Leases do not depend on it."
        )
    if wall >= lease.expires_at > now:
        return (
            "By this machine's clock the lease is over. If the clock is right, connect this site to the licence server."
        )
    return None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)
