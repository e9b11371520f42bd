"""What a transport gets and what it returns. It raises nothing for faults of the other side."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

MAX_DETAIL_LENGTH = 300


class Verdict(StrEnum):
    DELIVERED = "delivered"
    RETRY = "retry"  # may succeed later
    FAILED = "failed"  # will not succeed by itself
    GONE = "gone"  # the address does not exist any more: the channel is disabled


@dataclass(frozen=True)
class Outcome:
    """`status` is the HTTP or SMTP code, None without an answer. `detail` is one line that people read, without secrets."""

    verdict: Verdict
    status: int | None = None
    detail: str = ""
    retry_after: timedelta | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", one_line(self.detail, MAX_DETAIL_LENGTH))


@dataclass(frozen=True)
class Message:
    """A message of the outbox; its id is the same at each attempt. `at` is when it was stored.

    `incident` is as the API shows it, None for a test. A summary has `summary`, a list of {type, incident}.
    """

    id: uuid.UUID
    type: str
    at: datetime
    incident: dict[str, Any] | None = None
    summary: list[dict[str, Any]] | None = None
    panel_url: str | None = None


@dataclass(frozen=True)
class Target:
    """A channel with its secrets readable. `address` is a URL, an e-mail address or a routing key."""

    kind: str
    address: str = field(repr=False)
    signing_secret: str | None = field(repr=False)
    name: str


Transport = Callable[[Message, Target], Outcome]


def one_line(text: str, length: int) -> str:
    """The text with printable characters only and single spaces, cut to that length."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    line = " ".join(words)
    return line if len(line) <= length else line[: length - 1] + "…"
