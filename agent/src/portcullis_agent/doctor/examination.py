"""All steps in their order: a step that needs an earlier one is skipped if that failed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from urllib.parse import urlsplit

from portcullis_agent.agent import Agent
from portcullis_agent.clock import Clock
from portcullis_agent.doctor import certificate, connection, machine, server
from portcullis_agent.doctor.report import OK, PROBLEM, SKIPPED, Check
from portcullis_agent.errors import SettingsError
from portcullis_agent.keeper import LeaseKeeper
from portcullis_agent.settings import Settings

STEP_SECONDS = 10.0
NETWORK_STEPS = ("Proxy", "DNS", "TCP", "TLS", "Server", "Clock", "Keys", "Credentials", "Doorbell")


def examine(
    state: str | None, environ: Mapping[str, str], *, seconds: float = STEP_SECONDS, clock: Clock | None = None
) -> list[Check]:
    """The checks of this machine, then of the way to the server, then the verdict."""
    clock = clock or Clock()
    folder, named_by = machine.state_folder(state, environ)
    settings, check = machine.check_settings(folder, named_by, environ)
    checks = [check, machine.check_folder(folder), machine.check_stored_state(folder, settings)]
    checks.append(machine.check_writer(folder))
    if settings is None:
        reason = "Not checked: the settings come first."
    else:
        checks += _network(settings, clock, seconds)
        reason = "Not checked: an earlier step failed."
    done = {check.name for check in checks}
    checks += [Check(name, SKIPPED, reason) for name in NETWORK_STEPS if name not in done]
    try:
        verdict = Agent(settings or Settings.load(folder, environ, for_reading=True), clock=clock).verdict()
    except SettingsError:
        return [*checks, Check("Verdict", SKIPPED, "Not checked: it is not known which site this is.")]
    return [*checks, machine.check_verdict(verdict)]


def _network(settings: Settings, clock: Clock, seconds: float) -> Iterator[Check]:
    keeper = LeaseKeeper(settings, clock)
    not_before = keeper.snapshot.trusted_time(clock.monotonic())
    for check in reach(settings.url, clock, seconds, not_before=not_before):
        yield check
        if check.level == PROBLEM:
            return
    yield from _ask(settings, keeper, clock, seconds)


def reach(url: str, clock: Clock, seconds: float, *, not_before: float) -> Iterator[Check]:
    """The way to the server up to an encrypted connection. It ends with the first problem.

    `not_before` is the lower bound of the present, in seconds since 1970, that is known without the machine's date.
    """
    target, check = connection.check_proxy(url)
    yield check
    if target is None:
        return
    addresses, check = connection.check_name(target, seconds)
    yield check
    if not addresses:
        return
    address, check = connection.check_port(target, addresses, seconds)
    yield check
    if address is None:
        return
    if urlsplit(url).scheme == "http":
        yield Check("TLS", OK, "The address has no encryption.")
    elif target.is_proxy:
        yield Check("TLS", SKIPPED, "Not checked by itself: the proxy makes the connection. See the next line.")
    else:
        now, known = moment(clock.wall()), moment(not_before)
        yield certificate.check_certificate(address, target.host, seconds, now=now, not_before=known)


def _ask(settings: Settings, keeper: LeaseKeeper, clock: Clock, seconds: float) -> Iterator[Check]:
    answer = server.ask("GET", f"{settings.url}/.well-known/jwks.json", seconds)
    check = server.check_answer(answer)
    yield check
    if answer.status is not None:
        yield server.check_clock(answer.date, moment(clock.wall()))
    if check.level == PROBLEM:
        return
    yield server.check_keys(answer.body, keeper.keys)
    held, nonce = keeper.snapshot.lease, secrets.token_urlsafe(24)
    answer = server.send_heartbeat(settings, seconds, nonce=nonce, uptime=int(clock.monotonic()), held=held)
    yield server.check_credentials(answer, settings, keeper.keys, nonce=nonce, held=held)
    if answer.problem is None:
        yield server.check_doorbell(answer.body.get("doorbell"), settings, seconds)


def moment(seconds: float) -> datetime:
    """What a clock says; the year 9999 if it is later than that."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 253402300799.0), tz=timezone.utc)
