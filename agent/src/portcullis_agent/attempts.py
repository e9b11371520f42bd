"""What a heartbeat says, and how long it is repeated."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field

from portcullis_agent.receipts import Applied

RETRY_FOR_SECONDS = 10 * 60  # how long an unanswered heartbeat is repeated with the same nonce and sequence


@dataclass(frozen=True)
class Attempt:
    """A heartbeat and its repetitions, which have the same body. `applied` is the revision and the state that it reports."""

    nonce: str
    first_sent_at: float
    body: dict[str, object] = field(repr=False)
    applied: Applied | None


class Attempts:
    """The heartbeats of one boot: numbered from 1, and none is sent after another process may have sent some."""

    def __init__(self) -> None:
        self._boot_id = str(uuid.uuid4())
        self._sequence = 0
        self._attempt: Attempt | None = None

    def current(self, now: float, *, held: int | None, applied: Applied | None, **facts: object) -> Attempt:
        """The heartbeat that had no good answer yet, for ten minutes; then a new one.

        `held` is the revision of the lease that is held, `applied` what is reported; `facts` are the other fields.
        """
        if self._attempt is not None and now - self._attempt.first_sent_at <= RETRY_FOR_SECONDS:
            return self._attempt
        self._sequence += 1
        nonce = secrets.token_urlsafe(24)
        body = {"nonce": nonce, "boot_id": self._boot_id, "sequence": self._sequence, **facts}
        if held is not None:
            body["lease_revision"] = held
        if applied is not None:
            body["applied_revision"], body["applied_state"] = applied
        self._attempt = Attempt(nonce, now, body, applied)
        return self._attempt

    def answered(self) -> None:
        self._attempt = None
