"""The steps that ask the control plane: its keys, its date, and whether it accepts the site's credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from portcullis_agent.client import HttpDoorbell, RequestFailed, describe_error, read_answer
from portcullis_agent.doctor.certificate import read_date
from portcullis_agent.doctor.connection import within
from portcullis_agent.doctor.report import OK, PROBLEM, WARNING, Check
from portcullis_agent.doorbell import doorbell_url
from portcullis_agent.errors import LeaseRefused
from portcullis_agent.keys import KeyRing, readable_keys, signing_keys
from portcullis_agent.lease import Lease, verify_lease
from portcullis_agent.settings import Settings

CLOCK_TOLERANCE = timedelta(minutes=2)
SIGN_IN_PAGE = (
    "A network's sign-in page, a firewall or another service answers here: open it in a browser on this machine."
)


@dataclass(frozen=True)
class Answer:
    """A JSON object, or the reason why there is none; `status` and `date` if anything answered."""

    body: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    status: int | None = None
    date: datetime | None = None


def ask(method: str, url: str, seconds: float, headers: dict[str, str] | None = None, body: Any = None) -> Answer:
    """One request as the agent sends it, in this time at most."""
    sent = {"Accept-Encoding": "identity", "Content-Type": "application/json", **(headers or {})}

    def call() -> Answer:
        with httpx.Client(timeout=seconds, follow_redirects=False, headers=sent) as client:
            content = None if body is None else json.dumps(body)
            with client.stream(method, url, content=content) as response:
                status, date = response.status_code, read_date(response.headers.get("Date"))
                try:
                    return Answer(read_answer(response), None, status, date)
                except RequestFailed as failure:
                    return Answer({}, str(failure), status, date)

    try:
        return within(seconds, call)
    except TimeoutError:
        return Answer(problem=f"The server did not answer within {seconds:g} seconds.")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError, RuntimeError) as error:
        return Answer(problem=str(describe_error(error)))


def check_answer(answer: Answer) -> Check:
    """Whether the control plane, and not something else, answered the request for its keys."""
    name, problem = "Server", answer.problem
    if problem is None and isinstance(answer.body.get("keys"), list):
        return Check(name, OK, "The server answers.")
    if answer.status is None:
        return Check(name, PROBLEM, problem or "", "The server hangs or is overloaded; the agent goes on to try.")
    if answer.status in {429, 500, 502, 503, 504}:
        advice = (
            "The server is overloaded, being updated or defective. The agent goes on to try; nothing is to do here."
        )
        return Check(name, PROBLEM, problem or "", advice)
    if answer.status == 407:
        return Check(name, PROBLEM, problem or "", "The proxy wants a name and a password: put them into HTTPS_PROXY.")
    if answer.status == 404:
        finding = "The address answers, but has no key set (404)."
        return Check(name, PROBLEM, finding, "Check the address: it has no /api at its end. An old server has no keys.")
    return Check(name, PROBLEM, problem or "The answer is not the control plane's.", SIGN_IN_PAGE)


def check_clock(date: datetime | None, now: datetime) -> Check:
    """This machine's clock against the server's header `Date`. Doubt is never fatal: leases do not depend on it."""
    if date is None:
        return Check("Clock", WARNING, "The server sent no date to compare with.")
    error = now - date
    if abs(error) <= CLOCK_TOLERANCE:
        return Check("Clock", OK, "This machine's clock agrees with the server's.")
    direction = "fast" if error > timedelta(0) else "slow"
    finding = (
        f"This machine's clock is {_duration(abs(error))} {direction}: by the server it is {date:%Y-%m-%d %H:%M} UTC."
    )
    advice = "Set it: timedatectl set-ntp true. Leases do not depend on it; certificates and receipts do."
    return Check("Clock", WARNING, finding, advice)


def _duration(time: timedelta) -> str:
    if time.days >= 2:
        return f"{time.days} days"
    minutes = int(time.total_seconds() // 60)
    return f"{minutes // 60} hours" if minutes >= 120 else f"{minutes} minutes"


def check_keys(key_set: dict[str, Any], ring: KeyRing) -> Check:
    """Whether the pinned key leads to the one that signs. Adds the keys that it leads to to the ring."""
    name, signing = "Keys", signing_keys(key_set)
    if not signing:
        return Check(name, WARNING, "The server has no signing key yet.", "The operator runs: create_signing_key")
    [kid, *_] = [key.kid for key in signing]
    if not ring.pinned:
        advice = f"The first heartbeat trusts it. To be sure, ask the operator for it: 'enrol --pin={kid}'."
        ring.pin(signing[0])
        return Check(name, WARNING, f"No key is pinned yet. The server signs with {kid}.", advice)
    ring.extend(key_set)
    if kid in ring:
        pinned = ring.pinned[0].kid
        leads = "signs" if kid == pinned else f"leads to the one that signs, {kid}"
        return Check(name, OK, f"The pinned key {pinned} {leads}.")
    known = ", ".join(key.kid for key in readable_keys(key_set))
    finding = f"The pinned key {ring.pinned[0].kid} does not lead to the server's signing key. The server has: {known}."
    advice = (
        "Another server answers, or its keys were lost. Ask the operator which key is right, then 'enrol --pin=KID'."
    )
    return Check(name, PROBLEM, finding, advice)


def send_heartbeat(settings: Settings, seconds: float, *, nonce: str, uptime: int, held: Lease | None) -> Answer:
    """One heartbeat without the fields of an installation, so that it is not taken for a clone. Stores nothing."""
    body = {"version": settings.version, "uptime_seconds": uptime, "nonce": nonce}
    if held is not None:
        # So that the server does not take this for an agent that holds an older lease.
        body["lease_revision"] = held.revision
    return ask("POST", f"{settings.url}/api/heartbeat", seconds, _credentials(settings), body)


def _credentials(settings: Settings) -> dict[str, str]:
    return {"X-Site-ID": settings.site_id, "X-Site-Key": settings.site_key}


def check_credentials(answer: Answer, settings: Settings, ring: KeyRing, *, nonce: str, held: Lease | None) -> Check:
    """Whether the heartbeat was accepted, and its lease is one that the agent would store."""
    name = "Credentials"
    if answer.status == 401:
        advice = "The key was rotated, or the site was removed: get a new key from the panel, then 'enrol' with it."
        return Check(name, PROBLEM, answer.problem or "", advice)
    if answer.status == 429:
        return Check(name, WARNING, "The site sends too many heartbeats (429).", "Look for a second sender.")
    if answer.problem is not None:
        return Check(name, PROBLEM, answer.problem, "The keys were answered, the heartbeat was not: tell the operator.")
    token = answer.body.get("lease")
    if not isinstance(token, str):
        return Check(name, WARNING, "The server accepts the site's key, but signs no leases yet.")
    try:
        lease = verify_lease(token, ring, site_id=settings.site_id, nonce=nonce, held=held)
    except LeaseRefused as refused:
        finding = f"The server accepts the key, but its lease is refused ({refused.code}): {refused}."
        return Check(name, PROBLEM, finding, "Tell the operator; the last good lease counts until it ends.")
    finding = f"The server accepts the site's key, and its lease is valid (revision {lease.revision})."
    return Check(name, OK, finding)


def check_doorbell(value: object, settings: Settings, seconds: float) -> Check:
    """One wait, for what the site knows already, so that the answer comes at once. Without it, changes take longer."""
    name = "Doorbell"
    if value is None:
        return Check(name, OK, "The server has no doorbell: changes reach this site with its next heartbeat.")
    url = doorbell_url(value, settings)
    if url is None:
        finding = "The doorbell's address in the server's answer is not used: it is malformed or has no encryption."
        return Check(name, WARNING, finding, "Tell the operator: DOORBELL_URL is wrong.")
    connection = HttpDoorbell(_credentials(settings), max(seconds - 1, 0.5))
    try:
        within(seconds, lambda: connection.wait(url, since=0, seconds=1))
    except (TimeoutError, RequestFailed) as error:
        reason = str(error) or f"No answer within {seconds:g} seconds."
        advice = (
            "Heartbeats work without it: changes reach this site hours later. Look for a proxy or firewall between."
        )
        return Check(name, WARNING, f"The doorbell at {url} cannot be used: {reason}", advice)
    finally:
        connection.close()
    return Check(name, OK, "The doorbell answers: changes reach this site within seconds.")
