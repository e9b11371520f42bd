"""One heartbeat over the network and the check of the answer; the server's key set."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from portcullis_agent.attempts import Attempt
from portcullis_agent.client import RequestFailed, Server
from portcullis_agent.doorbell import doorbell_url
from portcullis_agent.errors import KeyRefused, LeaseRefused
from portcullis_agent.keeper import LeaseKeeper
from portcullis_agent.keys import KeyRing, with_newer_keys
from portcullis_agent.lease import Lease, verify_lease
from portcullis_agent.settings import Settings

logger = logging.getLogger("portcullis_agent")


@dataclass(frozen=True)
class BeatResult:
    """`stored`: a new valid lease is held and, if it says something new, on the disk. Otherwise `reason` says why not."""

    stored: bool
    reason: str | None = None


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
    try:
        keys = with_newer_keys(keys, key_set, settings.pin)
    except KeyRefused as refused:
        raise LeaseRefused(refused.code, str(refused)) from refused
    return Answer(verify(keys), keys, key_set, doorbell=url, takes_receipts=takes_receipts)


def read_key_set(server: Server, keeper: LeaseKeeper, signer: str) -> None:
    """Read the server's set again, so that a key is known before it signs. A failure is no one's concern."""
    try:
        key_set = server.changed_key_set() if signer in keeper.listed else server.key_set()
    except RequestFailed as failure:
        keeper.note_key_set_request()
        logger.debug("The key set: %s", failure)
    else:
        keeper.take_key_set(key_set, signer)
