"""The systemd units of the agent and of devices are valid and hardened, and let them do their work."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installation.units import read_unit
from tests.running_server import ROOT

pytestmark = pytest.mark.e2e

UNITS = ROOT / "agent/systemd"
UNIT, DEVICE_UNIT = UNITS / "portcullis-agent.service", UNITS / "portcullis-device.service"
DROP_IN = ROOT / "agent/examples/raspberry_pi/portcullis-device.service.d"
MOST_EXPOSED = 30  # tenths: "3.0" in the words of systemd-analyze


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with the units, the targets that they name, and the programs that they start."""
    root = tmp_path_factory.mktemp("machine")
    units, targets = root / "etc/systemd/system", root / "usr/lib/systemd/system"
    for folder in (units, targets):
        folder.mkdir(parents=True)
    for unit in (UNIT, DEVICE_UNIT):
        shutil.copy(unit, units)
    for pattern in ("*.target", "*.slice"):
        for file in Path("/usr/lib/systemd/system").glob(pattern):
            shutil.copy(file, targets)
    for name in ("portcullis-agent/bin/portcullis-agent", "portcullis-device/bin/portcullis-device"):
        program = root / "opt" / name
        program.parent.mkdir(parents=True)
        program.touch(0o755)
    (root / "opt/portcullis-device/bin/python").touch(0o755)
    return root


def analyze(machine: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", f"--root={machine}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", [UNIT.name, DEVICE_UNIT.name])
def test_the_unit_is_valid(machine: Path, unit: str) -> None:
    verified = analyze(machine, "verify", unit)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", [UNIT.name, DEVICE_UNIT.name])
def test_the_service_may_do_little(machine: Path, unit: str) -> None:
    reviewed = analyze(machine, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert reviewed.returncode == 0, reviewed.stdout[-400:]


def test_the_service_starts_the_agent_again_and_shows_its_state_to_its_group() -> None:
    values = read_unit(UNIT)
    assert values["ExecStart"] == ["/opt/portcullis-agent/bin/portcullis-agent run"]
    assert values["Restart"] == ["always"]
    assert values["StateDirectoryMode"] == ["0750"]
    assert "ProcSubset" not in values, "the agent could not read the id of the machine's start"


def test_the_devices_service_starts_the_client_again_and_shows_its_state_to_no_one() -> None:
    values = read_unit(DEVICE_UNIT)
    assert values["ExecStart"] == ["/opt/portcullis-device/bin/portcullis-device run"]
    assert values["Restart"] == ["always"]
    assert values["StateDirectoryMode"] == ["0700"]
    assert "ProcSubset" not in values, "the client could not read the samples of the machine's health"


def test_the_drop_in_of_the_example_is_valid_and_lets_the_device_print(machine: Path) -> None:
    folder = machine / "etc/systemd/system" / DROP_IN.name
    shutil.copytree(DROP_IN, folder)
    try:
        verified = analyze(machine, "verify", DEVICE_UNIT.name)
        assert (verified.returncode, verified.stderr) == (0, "")
    finally:
        shutil.rmtree(folder)
