"""What the load writes down. Times are those of `time.monotonic`, so a clock that jumps does not matter to them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """`status` is None without a response; `defect` says what is wrong with a response that came."""

    kind: str
    sent_at: float
    ended_at: float
    status: int | None
    defect: str = ""

    @property
    def is_success(self) -> bool:
        return self.status in (200, 201, 204)


@dataclass(slots=True)
class Change:
    """A field of a site gets a value. It is sent again until it is acknowledged: before that it may have happened or not."""

    site_id: str
    field: str
    value: Any
    first_sent_at: float
    acknowledged_at: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a response said about a field of a site."""

    site_id: str
    field: str
    value: Any
    asked_at: float
    answered_at: float


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One that was answered with 200. Its number was sent as `uptime_seconds`, so that it is found in the history."""

    site_id: str
    number: int
    answered_at: float


@dataclass
class Records:
    """Lists are appended to by many threads; a list's append is atomic."""

    requests: list[Request] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    heartbeats: list[Heartbeat] = field(default_factory=list)
