"""One heartbeat over the network: what is sent, and the check of the answer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from portcullis_agent.client import Server
from portcullis_agent.doorbell import doorbell_url
from portcullis_agent.errors import LeaseRefused
from portcullis_agent.keys import KeyRing, readable_keys, signing_keys
from portcullis_agent.lease import Lease, verify_lease
from portcullis_agent.receipts import Applied
from portcullis_agent.settings import Settings
from portcullis_agent.verdict import Verdict


@dataclass(frozen=True)
class BeatResult:
    """`stored`: a new valid lease is held and, if it says something new, on the disk. Otherwise `reason` says why not."""

    stored: bool
    reason: str | None = None


@dataclass(frozen=True)
class Attempt:
    """A heartbeat and its repetitions, which have the same body. `applied` is the revision and the state that it reports."""

    nonce: str
    first_sent_at: float
    body: dict[str, object] = field(repr=False)
    applied: Applied | None


@dataclass(frozen=True)
class Answer:
    """`lease` is None if the server has no signing key; `hint` is its unsigned `next_heartbeat_seconds` then.

    `key_set` is the server's set, if it had to be read for the lease. `takes_receipts`: the server has a doorbell, or could
    have one, and stores what the agent applied.
    """

    lease: Lease | None
    keys: KeyRing
    key_set: object = None
    hint: object = None
    doorbell: str | None = None
    takes_receipts: bool = False


def new_attempt(version: str, verdict: Verdict, now: float, **installation: object) -> Attempt:
    """A heartbeat that says which lease is held and what follows from it; `installation` are the other fields."""
    nonce, applied = secrets.token_urlsafe(24), None
    body: dict[str, object] = {"version": version, "nonce": nonce, **installation}
    if verdict.revision is not None:
        applied = verdict.revision, verdict.state
        body |= {
            "lease_revision": verdict.revision,
            "applied_revision": verdict.revision,
            "applied_state": verdict.state,
        }
    return Attempt(nonce, now, body, applied)


def exchange(server: Server, settings: Settings, attempt: Attempt, keys: KeyRing, held: Lease | None) -> Answer:
    """One request; a second one for the keys if the lease's key is not known. RequestFailed or LeaseRefused."""
    answer = server.heartbeat(settings.site_id, settings.site_key, attempt.body)
    token = answer.get("lease")
    if not isinstance(token, str):
        return Answer(None, keys, hint=answer.get("next_heartbeat_seconds"))

    def verify(ring: KeyRing) -> Lease:
        # After a new enrolment: a lease by a key that is not trusted any more may be a thief's, and is no measure.
        newest = held if held is not None and held.kid in ring else None
        return verify_lease(token, ring, site_id=settings.site_id, nonce=attempt.nonce, held=newest)

    url, takes_receipts = doorbell_url(answer.get("doorbell"), settings), "doorbell" in answer
    try:
        return Answer(verify(keys), keys, doorbell=url, takes_receipts=takes_receipts)
    except LeaseRefused as refused:
        if refused.code != "unknown_key":
            raise
    key_set = server.key_set()
    keys = _with_newer_keys(settings, keys, key_set)
    return Answer(verify(keys), keys, key_set, doorbell=url, takes_receipts=takes_receipts)


def _with_newer_keys(settings: Settings, keys: KeyRing, key_set: object) -> KeyRing:
    """A ring with the keys of the server's set that the trusted ones lead to; without a pinned one, one is pinned first."""
    ring = keys.copy()
    if not keys.pinned:
        pin = settings.pin
        found = [key for key in readable_keys(key_set) if key.kid == pin] if pin else signing_keys(key_set)
        if len(found) != 1:
            wanted = f"the pinned key {pin}" if pin else "one key that signs"
            raise LeaseRefused("unknown_key", f"the server's key set does not have {wanted}")
        ring.pin(found[0])
    ring.extend(key_set)
    return ring
