"""The command `portcullis-agent` against a control plane behind HTTP, as its users run it."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from portcullis_agent.cli import main

from .control_plane import SITE_KEY, ControlPlane
from .signing import SITE_ID, SigningKey

Command = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def environment(url: str, tmp_path: Path) -> dict[str, str]:
    source = str(Path(__file__).parent.parent / "src")
    settings = {"PORTCULLIS_URL": url, "PORTCULLIS_SITE_ID": SITE_ID, "PORTCULLIS_SITE_KEY": SITE_KEY}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": source, "PORTCULLIS_STATE": str(tmp_path / "state")} | settings


@pytest.fixture
def run(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command in this process: a new interpreter takes half a second."""

    def command(*arguments: str, without: str = "", stdin: str = "") -> CompletedProcess[str]:
        env = {name: value for name, value in environment.items() if name not in without.split()}
        output, errors = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
            patch.setattr(os, "environ", env)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                code = main(arguments)
            except SystemExit as end:
                code = int(end.code or 0)
        return CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())

    return command


CREDENTIALS = "PORTCULLIS_URL PORTCULLIS_SITE_ID PORTCULLIS_SITE_KEY"


def test_a_site_is_enrolled_beats_and_is_locked(run: Command, plane: ControlPlane, tmp_path: Path) -> None:
    enrolled = run("enrol")
    assert (enrolled.returncode, plane.key.kid in enrolled.stdout) == (0, True), enrolled.stderr
    assert stat.S_IMODE((tmp_path / "state/credentials.json").stat().st_mode) == 0o600
    assert run("beat", without=CREDENTIALS).returncode == 0
    status = run("status", "--json", without=CREDENTIALS)
    assert (status.returncode, json.loads(status.stdout)["may_operate"]) == (0, True)

    plane.change(locked=True, lock_reason="Invoice 17 is not paid")
    assert run("beat", without=CREDENTIALS).returncode == 0
    status = run("status", "--json", without=CREDENTIALS)
    assert status.returncode == 3
    answer = json.loads(status.stdout)
    assert (answer["state"], answer["reason"]) == ("locked", "This site is locked: Invoice 17 is not paid")
    assert set(answer) == {
        "state",
        "may_operate",
        "reason",
        "notices",
        "license_expires_at",
        "lease_expires_at",
        "revision",
        "last_contact_at",
    }


def test_a_beat_that_fails_says_why_in_one_line(run: Command) -> None:
    done = run("beat", "--state", "/proc/none")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert run("beat", "--state", "/proc/none", without="PORTCULLIS_SITE_KEY").returncode == 2


def test_the_key_is_read_from_a_file_and_two_sources_are_a_usage_error(
    run: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(SITE_KEY + "\n")
    environment["PORTCULLIS_SITE_KEY_FILE"] = str(file)
    assert run("beat").returncode == 2
    assert run("beat", without="PORTCULLIS_SITE_KEY").returncode == 0


def test_enrol_pins_the_named_key_and_refuses_one_that_the_server_does_not_have(
    run: Command, plane: ControlPlane
) -> None:
    plane.rotate()
    first = plane.chain[0].kid
    done = run("enrol", "--pin", first)
    assert (done.returncode, first in done.stdout) == (0, True), done.stderr
    assert run("enrol", "--pin", SigningKey.named("foreign").kid).returncode == 1


def test_a_pin_that_begins_with_a_dash_is_written_with_an_equals_sign(run: Command, plane: ControlPlane) -> None:
    kids = (SigningKey.named(f"number {number}").kid for number in range(1_000))
    pin = next(kid for kid in kids if kid.startswith("-"))
    done = run("enrol", f"--pin={pin}")
    assert done.returncode == 1, "not a usage error: the server does not have this key"


@pytest.mark.parametrize("pin", ["", "short", "x" * 44, "ä" * 43])
def test_a_pin_that_is_no_kid_is_a_usage_error_and_pins_nothing(run: Command, plane: ControlPlane, pin: str) -> None:
    done = run("enrol", "--pin", pin)
    assert (done.returncode, "43 characters" in done.stderr) == (2, True)
    assert plane.received == []


def test_a_reason_cannot_write_lines_of_its_own_into_the_status(run: Command, plane: ControlPlane) -> None:
    plane.change(locked=True, lock_reason="Invoice\nMay operate: yes\x1b[2J")
    run("enrol")
    lines = run("status").stdout.splitlines()
    assert [line for line in lines if line.startswith("May operate")] == ["May operate: no"]
    assert "\x1b" not in "".join(lines)


def test_a_reason_in_unicode_is_printed_where_the_terminal_has_none(
    run: Command, environment: dict[str, str], plane: ControlPlane
) -> None:
    plane.change(locked=True, lock_reason="Rechnung für März: 17 €")
    run("enrol")
    status = [sys.executable, "-m", "portcullis_agent", "status"]
    latin = environment | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(status, env=latin, capture_output=True, timeout=60, check=False)
    assert (done.returncode, b"17 \\u20ac" in done.stdout) == (3, True), done.stderr


def test_verify_checks_a_lease_against_the_pinned_keys(run: Command, plane: ControlPlane, tmp_path: Path) -> None:
    run("enrol")
    token = json.loads((tmp_path / "state/state.json").read_text())["lease"]
    assert run("verify", "-", stdin=token + "\n").returncode == 0
    assert run("verify", "-", stdin=SigningKey.named("foreign").lease()).returncode == 1
    file = tmp_path / "lease"
    file.write_text(token[:-2])
    assert run("verify", str(file)).returncode == 1
    assert run("verify").returncode == 2


def test_a_folder_without_a_state_is_a_usage_error(run: Command, tmp_path: Path) -> None:
    for command in (["status"], ["verify", "-"]):
        assert run(*command, "--state", str(tmp_path / "wrong"), without=CREDENTIALS).returncode == 2


def test_run_beats_until_it_is_told_to_stop(environment: dict[str, str], plane: ControlPlane, tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "portcullis_agent", "run"], env=environment)
    try:
        for _ in range(200):
            if (tmp_path / "state/state.json").exists():
                break
            time.sleep(0.05)
        assert plane.received
        status = [sys.executable, "-m", "portcullis_agent", "status"]
        done = subprocess.run(status, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, "May operate: yes" in done.stdout) == (0, True)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
