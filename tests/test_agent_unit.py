"""The agent's systemd unit is valid and hardened, and lets the agent do its work."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installation.units import read_unit
from tests.running_server import ROOT

pytestmark = pytest.mark.e2e

UNIT = ROOT / "agent/systemd/portcullis-agent.service"
MOST_EXPOSED = 30  # tenths: "3.0" in the words of systemd-analyze


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder with the unit, the targets that it names, and the program that it starts."""
    root = tmp_path_factory.mktemp("machine")
    units, targets = root / "etc/systemd/system", root / "usr/lib/systemd/system"
    for folder in (units, targets):
        folder.mkdir(parents=True)
    shutil.copy(UNIT, units)
    for pattern in ("*.target", "*.slice"):
        for file in Path("/usr/lib/systemd/system").glob(pattern):
            shutil.copy(file, targets)
    program = root / "opt/portcullis-agent/bin/portcullis-agent"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    return root


def analyze(machine: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", f"--root={machine}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_unit_is_valid(machine: Path) -> None:
    verified = analyze(machine, "verify", UNIT.name)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_service_may_do_little(machine: Path) -> None:
    reviewed = analyze(machine, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNIT.name)
    assert reviewed.returncode == 0, reviewed.stdout[-400:]


def test_the_service_starts_the_agent_again_and_shows_its_state_to_its_group() -> None:
    values = read_unit(UNIT)
    assert values["ExecStart"] == ["/opt/portcullis-agent/bin/portcullis-agent run"]
    assert values["Restart"] == ["always"]
    assert values["StateDirectoryMode"] == ["0750"]
    assert "ProcSubset" not in values, "the agent could not read the id of the machine's start"
