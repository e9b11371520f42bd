"""What `portcullis-agent doctor` finds on a machine and on the way to the server, with real connections."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from portcullis_agent import Agent
from portcullis_agent.cli import main
from portcullis_agent.doctor import as_text, examine, is_sound
from portcullis_agent.doctor.report import Check

from .certificates import NOW, YEAR, Authority
from .control_plane import SITE_KEY, ControlPlane, served
from .signing import OTHER_SITE_ID, SITE_ID
from .test_http import listening, response

SECONDS = 1.0
DAY = timedelta(days=1)

Doctor = Callable[..., "dict[str, Check]"]


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane(time.time)  # the doctor compares with the machine's own clock


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def doctor(state: Path) -> Doctor:
    def ask(url: str = "", **changes: str) -> dict[str, Check]:
        environ = {"PORTCULLIS_SITE_ID": SITE_ID, "PORTCULLIS_SITE_KEY": SITE_KEY, "PORTCULLIS_URL": url, **changes}
        started = time.monotonic()
        checks = examine(str(state), environ, seconds=SECONDS)
        assert time.monotonic() - started < 6 * SECONDS
        assert SITE_KEY not in as_text(checks)
        return {check.name: check for check in checks}

    return ask


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.fixture
def running(url: str, state: Path) -> Iterator[Agent]:
    """The agent of a local backend that has a lease."""
    agent = Agent(url=url, site_id=SITE_ID, site_key=SITE_KEY, state_dir=state)
    assert agent.beat().stored
    yield agent
    agent.close()


def levels(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.level for name, check in checks.items()}


def test_nothing_is_wrong_with_a_site_that_runs(doctor: Doctor, url: str, running: Agent) -> None:
    checks = doctor(url)
    assert set(levels(checks).values()) == {"ok"}, as_text(list(checks.values()))
    assert "PORTCULLIS_SITE_KEY" in checks["Settings"].finding


def test_the_doctor_is_taken_for_no_second_installation(
    doctor: Doctor, url: str, plane: ControlPlane, running: Agent, state: Path
) -> None:
    before = (state / "state.json").read_bytes()
    doctor(url)
    assert [set(body) >= {"boot_id"} for body in plane.received] == [True, False]
    assert (state / "state.json").read_bytes() == before


def test_the_doctor_says_which_lease_the_site_holds(
    doctor: Doctor, plane: ControlPlane, url: str, running: Agent
) -> None:
    plane.change(locked=True, lock_reason="unpaid")
    running.beat()
    doctor(url)
    assert plane.received[-1]["lease_revision"] == plane.revision
    assert "instance_id" not in plane.received[-1]


def test_a_new_site_is_warned_of_what_is_still_to_do(doctor: Doctor, url: str) -> None:
    checks = doctor(url)
    assert is_sound(list(checks.values()))
    warned = {name for name, level in levels(checks).items() if level == "warning"}
    assert warned == {"State folder", "State", "Heartbeats", "Keys", "Verdict"}
    assert "--pin" in (checks["Keys"].advice or "")


# Settings and state folder


def test_settings_that_are_missing_are_named_and_the_rest_is_skipped(doctor: Doctor) -> None:
    checks = doctor(PORTCULLIS_SITE_KEY="")
    assert "PORTCULLIS_URL, PORTCULLIS_SITE_KEY" in checks["Settings"].finding
    assert {checks[name].level for name in ("DNS", "TCP", "TLS", "Server", "Credentials")} == {"skipped"}


def test_a_setting_that_differs_from_what_enrol_stored_is_named(doctor: Doctor, url: str, state: Path) -> None:
    state.mkdir(0o700)
    stored = {"url": "https://old.example", "site_id": SITE_ID, "site_key": SITE_KEY}
    (state / "credentials.json").write_text(json.dumps(stored))
    (state / "credentials.json").chmod(0o600)
    check = doctor(url)["Settings"]
    assert (check.level, "PORTCULLIS_URL differs" in check.finding) == ("warning", True)
    check = doctor(PORTCULLIS_SITE_ID="roma")["Settings"]
    assert (check.level, check.finding) == ("problem", "The site id is not a UUID.")


def test_a_key_that_others_can_read_is_a_problem(doctor: Doctor, url: str, running: Agent, state: Path) -> None:
    (state / "credentials.json").write_text("{}")
    (state / "credentials.json").chmod(0o644)
    check = doctor(url)["State folder"]
    assert (check.level, "chmod 600" in (check.advice or "")) == ("problem", True)


def test_files_of_another_owner_and_a_folder_for_all_are_named(
    doctor: Doctor, url: str, running: Agent, state: Path
) -> None:
    state.chmod(0o777)
    assert doctor(url)["State folder"].level == "warning"
    if os.getuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(state / "state.json", 65534, -1)
    check = doctor(url)["State folder"]
    assert (check.level, "chown -R" in (check.advice or "")) == ("problem", True)


def test_a_folder_that_cannot_be_is_a_problem(doctor: Doctor, url: str, state: Path) -> None:
    state.write_text("")
    check = doctor(url)["State folder"]
    assert (check.level, "not a folder" in check.finding) == ("problem", True)


def test_a_damaged_or_foreign_state_is_a_problem(doctor: Doctor, url: str, running: Agent, state: Path) -> None:
    assert doctor(url, PORTCULLIS_SITE_ID=OTHER_SITE_ID)["State"].level == "problem"
    (state / "state.json").write_text("{")
    assert doctor(url)["State"].level == "problem"


def test_a_site_that_may_not_operate_is_a_problem_with_its_reason(
    doctor: Doctor, url: str, plane: ControlPlane, running: Agent
) -> None:
    plane.change(locked=True, lock_reason="Invoice 17")
    assert running.beat().stored
    check = doctor(url)["Verdict"]
    assert (check.level, "Invoice 17" in check.finding) == ("problem", True)


# The way to the server


def test_a_host_that_is_not_known_is_a_problem_of_dns(doctor: Doctor) -> None:
    checks = doctor("https://nowhere.invalid")
    assert checks["DNS"].level == "problem"
    assert checks["TCP"].level == "skipped"


def test_a_refused_port_is_a_problem_of_tcp(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    check = doctor(f"https://127.0.0.1:{port}")["TCP"]
    assert (check.level, f"refuses connections on port {port}" in check.finding) == ("problem", True)


def test_a_port_that_drops_connections_is_a_problem_of_tcp(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = []
        for _ in range(4):  # fill the queue: Linux drops what comes then, as a firewall does
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        check = doctor(f"https://127.0.0.1:{full.getsockname()[1]}")["TCP"]
        for one in waiting:
            one.close()
    assert (check.level, "firewall" in (check.advice or "")) == ("problem", True)


def test_a_silent_port_is_named(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        check = doctor(f"https://127.0.0.1:{port}")["TLS"]
        assert (check.level, "said nothing" in check.finding) == ("problem", True)
        check = doctor(f"http://127.0.0.1:{port}")["Server"]
        assert (check.level, "did not answer" in check.finding) == ("problem", True)


def test_a_port_without_tls_is_named(doctor: Doctor, url: str) -> None:
    check = doctor(url.replace("http:", "https:"))["TLS"]
    assert (check.level, "no encrypted connection" in check.finding) == ("problem", True)


def test_a_good_certificate_is_accepted(doctor: Doctor, plane: ControlPlane, authority: Authority) -> None:
    with served(plane, authority.server()) as url:
        checks = doctor(url)
    assert (checks["TLS"].level, checks["Credentials"].level) == ("ok", "ok")
    with served(plane, authority.server(end=NOW + 3 * DAY)) as url:
        assert doctor(url)["TLS"].level == "warning"


def test_an_expired_certificate_is_the_servers_fault(doctor: Doctor, plane: ControlPlane, authority: Authority) -> None:
    with served(plane, authority.server(end=NOW - DAY)) as url:
        check = doctor(url)["TLS"]
    assert check.level == "problem"
    assert f"expired (valid: {NOW - YEAR:%Y-%m-%d} to {NOW - DAY:%Y-%m-%d})" in check.finding
    assert "this machine's date:" not in check.finding
    assert "renew the certificate" in (check.advice or "")


def test_a_certificate_that_is_not_valid_yet_is_named(
    doctor: Doctor, plane: ControlPlane, authority: Authority
) -> None:
    with served(plane, authority.server(start=NOW + DAY)) as url:
        check = doctor(url)["TLS"]
    assert (check.level, "is not valid yet" in check.finding) == ("problem", True)
    assert "comes from" not in check.finding


@pytest.mark.parametrize(("date", "words"), [("2001-02-03 04:05", "is not valid yet"), ("2099-02-03", "has expired")])
def test_a_failure_that_comes_from_the_local_date_is_named_so(
    plane: ControlPlane, authority: Authority, state: Path, date: str, words: str
) -> None:
    with served(plane, authority.server()) as url:
        settings = {"PORTCULLIS_URL": url, "PORTCULLIS_SITE_ID": SITE_ID, "PORTCULLIS_SITE_KEY": SITE_KEY}
        source = str(Path(__file__).parent.parent / "src")
        done = subprocess.run(
            ["faketime", date, sys.executable, "-m", "portcullis_agent", "doctor", "--state", state, "--json"],
            env={**os.environ, **settings, "PYTHONPATH": source},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    [check] = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "TLS"]
    assert words in check["finding"]
    assert f"comes from this machine's date: it is about {NOW:%Y-%m}" in check["finding"]
    assert "timedatectl" in check["advice"]


def test_an_unknown_issuer_and_another_hosts_certificate_are_told_apart(
    doctor: Doctor, plane: ControlPlane, authority: Authority, tmp_path: Path
) -> None:
    with served(plane, authority.server(host="login.hotel.example")) as url:
        check = doctor(url)["TLS"]
    assert (check.level, "another host (login.hotel.example)" in check.finding) == ("problem", True)
    with served(plane, Authority(tmp_path, "Unknown firewall").server()) as url:
        check = doctor(url)["TLS"]
    assert (check.level, "CN=Unknown firewall" in check.finding) == ("problem", True)


def test_trusted_certificates_that_cannot_be_read_are_named(
    doctor: Doctor, plane: ControlPlane, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    with served(plane, authority.server()) as url:
        check = doctor(url)["TLS"]
    assert (check.level, "SSL_CERT_FILE" in (check.advice or "")) == ("problem", True)


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        ("HTTP/1.1 302 Found\nLocation: http://login.example/\nContent-Length: 0\n", b"", "redirect"),
        ("HTTP/1.1 200 OK\n", b"<html>Welcome to our Wi-Fi", "not a JSON object"),
        ("HTTP/1.1 200 OK\n", b'{"status": "ok"}', "not the control plane's"),
        ("HTTP/1.1 503 No\nContent-Length: 0\n", b"", "answered 503"),
        ("HTTP/1.1 404 No\nContent-Length: 0\n", b"", "no key set (404)"),
        ("no HTTP\n", b"", "no HTTP"),
    ],
)
def test_what_answers_in_place_of_the_server_is_named(doctor: Doctor, head: str, body: bytes, words: str) -> None:
    with gets(head, body) as url:
        checks = doctor(url)
    assert (checks["Server"].level, words in checks["Server"].finding) == ("problem", True), checks["Server"]
    assert checks["Credentials"].level == "skipped"
    assert checks["Server"].advice


def gets(head: str, body: bytes) -> AbstractContextManager[str]:
    return listening(response(head, body), end=b"\r\n\r\n")


def test_a_server_that_accepts_another_key_only_is_a_problem_of_the_credentials(
    doctor: Doctor, url: str, running: Agent
) -> None:
    check = doctor(url, PORTCULLIS_SITE_KEY="old")["Credentials"]
    assert (check.level, "401" in check.finding, "new key" in (check.advice or "")) == ("problem", True, True)


def test_a_doorbell_that_answers_is_sound(
    doctor: Doctor, plane: ControlPlane, url: str, running: Agent, state: Path
) -> None:
    plane.doorbell.append(f"{url}/doorbell")
    check = doctor(url)["Doorbell"]
    assert (check.level, check.finding) == ("ok", "The doorbell answers: changes reach this site within seconds.")
    assert plane.waits == [{"since": ["0"], "wait": ["1"]}]


@pytest.mark.parametrize("status", [None, 401, 502])
def test_a_doorbell_that_cannot_be_used_is_a_warning_only(
    doctor: Doctor, plane: ControlPlane, url: str, running: Agent, status: int | None
) -> None:
    plane.doorbell.append(f"{url}/doorbell" if status else "http://10.0.0.5/")
    plane.doorbell_status = status
    checks = doctor(url)
    assert checks["Doorbell"].level == "warning"
    assert ("not used" if status is None else str(status)) in checks["Doorbell"].finding
    assert is_sound(list(checks.values()))


def test_a_doorbell_that_never_answers_is_given_up(
    doctor: Doctor, plane: ControlPlane, url: str, running: Agent
) -> None:
    with listening(lambda connection: connection.recv(1) and None, end=b"\r\n\r\n") as silent:
        plane.doorbell.append(f"{silent}/doorbell")
        assert "No answer within 1 seconds" in doctor(url)["Doorbell"].finding


def test_another_servers_keys_are_a_problem(doctor: Doctor, plane: ControlPlane, url: str, running: Agent) -> None:
    plane.rotate()
    checks = doctor(url)
    assert (checks["Keys"].level, "leads to" in checks["Keys"].finding) == ("ok", True)
    plane.chain = plane.chain[1:]
    checks = doctor(url)
    assert (checks["Keys"].level, checks["Credentials"].level) == ("problem", "problem")


def test_a_clock_that_is_off_is_a_warning_only(doctor: Doctor) -> None:
    keys = json.dumps(ControlPlane().key_set()).encode()
    with gets("HTTP/1.1 200 OK\nDate: Mon, 01 Jan 2001 00:00:00 GMT\n", keys) as url:
        check = doctor(url)["Clock"]
    assert (check.level, "days fast" in check.finding) == ("warning", True)


# Proxies


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_a_proxy_is_named_without_its_password_and_examined_in_the_servers_place(
    doctor: Doctor, url: str, proxies: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    proxies.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{port}")
    checks = doctor(url)
    assert f"proxy 127.0.0.1:{port}" in checks["Proxy"].finding
    assert "secret" not in as_text(list(checks.values()))
    assert (checks["TCP"].level, "proxy" in (checks["TCP"].advice or "")) == ("problem", True)
    proxies.setenv("NO_PROXY", "127.0.0.1")
    checks = doctor(url)
    assert ("excludes" in checks["Proxy"].finding, checks["Server"].level) == (True, "ok")
    proxies.setenv("NO_PROXY", "other")
    proxies.setenv("HTTP_PROXY", "http://:80")
    assert doctor(url)["Proxy"].level == "problem"


# The command


def test_the_command_says_it_in_lines_or_in_json(
    url: str, state: Path, running: Agent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTCULLIS_URL", url)
    monkeypatch.setenv("PORTCULLIS_SITE_ID", SITE_ID)
    monkeypatch.setenv("PORTCULLIS_SITE_KEY", SITE_KEY)
    assert main(["doctor", "--state", str(state)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Problems: 0. Warnings: 0."
    assert (len(lines) < 40, max(len(line) for line in lines) <= 112) == (True, True)

    monkeypatch.setenv("PORTCULLIS_SITE_KEY", "old")
    assert main(["doctor", "--state", str(state), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert {"name", "level", "finding", "advice"} == set(answer["checks"][0])
