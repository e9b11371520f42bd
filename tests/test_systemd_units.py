"""The systemd units are valid, hardened, and start what is in the source tree."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installation.units import read_unit
from tests.running_server import ROOT

pytestmark = pytest.mark.e2e

SHIPPED = ROOT / "deploy/systemd"
SERVICES = sorted(file.name for file in SHIPPED.glob("*.service"))
UNITS = sorted(file.name for file in SHIPPED.iterdir() if file.is_file())
MOST_EXPOSED = 30  # tenths: "3.0" in the words of systemd-analyze


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with the units, the targets that they name, and the programs that they start."""
    root = tmp_path_factory.mktemp("machine")
    shutil.copytree(SHIPPED, root / "etc/systemd/system")
    targets = root / "usr/lib/systemd/system"
    targets.mkdir(parents=True)
    for pattern in ("*.target", "*.slice"):
        for file in Path("/usr/lib/systemd/system").glob(pattern):
            shutil.copy(file, targets)
    for program in ("srv/portcullis/current/.venv/bin/python", "bin/kill"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).touch(0o755)
    return root


def analyze(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", f"--root={machine}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_valid(machine: Path, unit: str) -> None:
    verified = analyze(machine, "verify", unit)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_may_do_little(machine: Path, unit: str) -> None:
    reviewed = analyze(machine, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert reviewed.returncode == 0, reviewed.stdout[-400:]


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_runs_the_current_release_with_its_settings(unit: str) -> None:
    values = read_unit(SHIPPED / unit)
    assert values["WorkingDirectory"] == ["/srv/portcullis/current"]
    assert values["ExecStart"][0].startswith("/srv/portcullis/current/.venv/bin/python ")
    assert "ENV_FILE=/etc/portcullis/portcullis.env" in values["Environment"]
    assert values["User"][0] in {"portcullis", "portcullis_owner"}


def test_the_server_has_longer_to_stop_than_its_requests_to_end() -> None:
    graceful = re.search(r"^graceful_timeout = (\d+)$", (ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)
    assert graceful
    assert int(read_unit(SHIPPED / "portcullis-web.service")["TimeoutStopSec"][0]) > int(graceful[1])


def test_the_doorbell_has_longer_to_stop_than_its_waits_to_end_and_a_file_for_each() -> None:
    settings = (ROOT / "config/doorbell/gunicorn_settings.py").read_text()
    [graceful] = re.findall(r"^graceful_timeout = (\d+)$", settings, re.MULTILINE)
    unit = read_unit(SHIPPED / "portcullis-doorbell.service")
    assert int(unit["TimeoutStopSec"][0]) > int(graceful)
    assert int(unit["LimitNOFILE"][0]) > 10_000


def test_a_release_without_a_doorbell_starts_none() -> None:
    unit = read_unit(SHIPPED / "portcullis-doorbell.service")
    [file] = unit["ConditionPathExists"]
    assert (ROOT / file.removeprefix("/srv/portcullis/current/")).is_file()
    assert unit["ExecStart"][0].endswith(f" -c {file.removeprefix('/srv/portcullis/current/')}")


def test_the_socket_takes_the_further_address_that_the_page_shows(machine: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/scaling.md").read_text()
    [lines] = re.findall(r"^```ini\n(\[Socket\]\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert "portcullis-web.socket.d/listen.conf" in page
    shutil.copytree(machine, tmp_path / "machine")
    drop_in = tmp_path / "machine/etc/systemd/system/portcullis-web.socket.d/listen.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(lines)
    verified = analyze(tmp_path / "machine", "verify", "portcullis-web.socket")
    assert (verified.returncode, verified.stderr) == (0, "")
    drop_in.write_text(lines + "ListenStraem=10.0.0.13:8000\n")
    assert "ListenStraem" in analyze(tmp_path / "machine", "verify", "portcullis-web.socket").stderr


def test_nginx_asks_the_addresses_on_which_the_socket_and_the_doorbell_listen() -> None:
    [address] = read_unit(SHIPPED / "portcullis-web.socket")["ListenStream"]
    assert f"server {address} " in (ROOT / "deploy/nginx/upstream.conf").read_text()
    settings = (ROOT / "config/doorbell/gunicorn_settings.py").read_text()
    [doorbell] = re.findall(r'"DOORBELL_BIND", "([\d.:]+)"', settings)
    assert f"server {doorbell} " in (ROOT / "deploy/nginx/upstream_doorbell.conf").read_text()
    assert f"BIND={address}\n" in (ROOT / "deploy/install.sh").read_text()
