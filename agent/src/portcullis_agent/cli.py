"""The command `portcullis-agent`."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from portcullis_agent.agent import Agent
from portcullis_agent.clock import Clock
from portcullis_agent.doctor import as_json, as_text, examine, is_sound
from portcullis_agent.errors import LeaseRefused, SettingsError
from portcullis_agent.exchange import BeatResult
from portcullis_agent.jws import MAX_TOKEN_BYTES
from portcullis_agent.keeper import LeaseKeeper
from portcullis_agent.lease import verify_lease
from portcullis_agent.settings import Settings, store_credentials
from portcullis_agent.verdict import Verdict

_KID = re.compile(r"[A-Za-z0-9_-]{43}\Z")
OK, FAILED, USAGE, MAY_NOT_OPERATE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a reason in Unicode on a terminal without it
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        exit_code: int = options.command(options, os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return USAGE
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portcullis-agent",
        description="Keep and check the signed lease of this site.",
        epilog="Settings: PORTCULLIS_URL, PORTCULLIS_SITE_ID, PORTCULLIS_SITE_KEY (each also with _FILE), PORTCULLIS_STATE.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: object, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.add_argument("--state", metavar="DIR", help="the state folder, instead of PORTCULLIS_STATE")
        added.set_defaults(command=command)
        return added

    enrol = add("enrol", _enrol, "store the settings in the state folder, pin the server's key and send one heartbeat")
    enrol.add_argument("--pin", metavar="KID", help="the key to pin; without it, the one that signs")
    add("run", _run, "send heartbeats until the process is told to stop")
    add("beat", _beat, "send one heartbeat")
    status = add("status", _status, "say whether the site may operate, without the network")
    status.add_argument("--json", action="store_true", help="print JSON")
    doctor = add("doctor", _doctor, "say what is wrong between this machine and the server; sends one heartbeat")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    verify = add("verify", _verify, "check a lease against the trusted keys")
    verify.add_argument("file", metavar="FILE", help="the file with the lease, or - for the standard input")
    return parser


def _enrol(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if options.pin is not None and not _KID.match(options.pin):
        raise SettingsError(f"--pin {options.pin!r} is no kid: 43 characters, as in the server's key set.")
    settings = replace(Settings.load(options.state, environ), pin=options.pin)
    agent = Agent(settings)
    try:
        result = agent.enrol()
        if result.stored:
            store_credentials(settings)
            print(f"Enrolled. Pinned key: {', '.join(agent.pinned_kids)}")
    finally:
        agent.close()
    return _report(result)


def _beat(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    agent = Agent(Settings.load(options.state, environ))
    try:
        return _report(agent.beat())
    finally:
        agent.close()


def _report(result: BeatResult) -> int:
    if result.stored:
        return OK
    print(result.reason, file=sys.stderr)
    return FAILED


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    agent = Agent(Settings.load(options.state, environ))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    agent.run(stop)
    return OK


def _status(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    verdict = Agent(Settings.load(options.state, environ, for_reading=True)).verdict()
    print(json.dumps(verdict.as_dict(), indent=2) if options.json else describe(verdict))
    return OK if verdict.may_operate else MAY_NOT_OPERATE


def describe(verdict: Verdict) -> str:
    """The verdict for a person, in a few lines."""
    lines = [f"State: {verdict.state}", f"May operate: {'yes' if verdict.may_operate else 'no'}"]
    if verdict.reason:
        lines.append(f"Reason: {verdict.reason}")
    lines += [f"Notice: {notice}" for notice in verdict.notices]
    for name, value in (
        ("Licence ends", verdict.license_expires_at),
        ("Lease ends", verdict.lease_expires_at),
        ("Last contact", verdict.last_contact_at),
    ):
        lines.append(f"{name}: {f'{value:%Y-%m-%d %H:%M} UTC' if value else 'not known'}")
    return "\n".join("".join(character if character.isprintable() else " " for character in line) for line in lines)


def _doctor(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    checks = examine(options.state, environ)
    print(as_json(checks) if options.json else as_text(checks))
    return OK if is_sound(checks) else FAILED


def _verify(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    settings = Settings.load(options.state, environ, for_reading=True)
    try:
        if options.file == "-":
            token = sys.stdin.read(MAX_TOKEN_BYTES + 2)
        else:
            with Path(options.file).open(encoding="utf-8") as opened:
                token = opened.read(MAX_TOKEN_BYTES + 2)
        lease = verify_lease(token.strip(), LeaseKeeper(settings, Clock()).keys, site_id=settings.site_id)
    except (OSError, UnicodeDecodeError) as error:
        print(f"{options.file} cannot be read: {error}", file=sys.stderr)
        return FAILED
    except LeaseRefused as refused:
        print(f"Refused ({refused.code}): {refused}.", file=sys.stderr)
        return FAILED
    print(f"Valid. Revision {lease.revision}, signed by {lease.kid}.")
    return OK
