"""What the tests install from Debian starts no service and restarts none."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.installation.script import put_program
from tests.running_server import ROOT

pytestmark = pytest.mark.any_database

SEES_POLICY = (
    "case $1 in install) if POLICY nginx start; then status=$?; else status=$?; fi; echo $status $* >>LOG ;; esac"
)


def install(folder: Path, *, then: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script as root on a machine without mmdebstrap; apt-get asks the policy, as the packages do, and does nothing."""
    policy, log = folder / "policy-rc.d", folder / "log"
    put_program(folder, "apt-get", SEES_POLICY.replace("POLICY", str(policy)).replace("LOG", str(log)) + f"\n{then}")
    put_program(folder, "id", "echo 0")
    text = (ROOT / "scripts/system_packages.sh").read_text()
    text = text.replace("/usr/sbin/policy-rc.d", str(policy)).replace(
        "need mmdebstrap mmdebstrap", "need mmdebstrap no-such-program"
    )
    environment = os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-c", text, "system_packages.sh", "install"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def answers(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "log").read_text().splitlines()]


def test_no_service_may_start_during_the_installation_and_any_may_after_it(tmp_path: Path) -> None:
    done = install(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert answers(tmp_path) == ["101"]
    assert "mmdebstrap" in (tmp_path / "log").read_text()
    assert not (tmp_path / "policy-rc.d").exists()


@pytest.mark.parametrize(
    ("then", "status"),
    [("", 0), ("[ $1 = update ] || exit 100", 100), ("kill $PPID", 1), ("[ $1 = update ] || kill $PPID", 1)],
)
def test_a_policy_of_the_machine_is_back_afterwards_also_if_the_installation_fails(
    tmp_path: Path, then: str, status: int
) -> None:
    put_program(tmp_path, "./policy-rc.d", "exit 104")
    before = (tmp_path / "policy-rc.d").read_text()
    assert install(tmp_path, then=then).returncode == status
    assert (tmp_path / "policy-rc.d").read_text() == before
    assert os.access(tmp_path / "policy-rc.d", os.X_OK)


def test_what_a_killed_installation_left_goes_with_the_next_one(tmp_path: Path) -> None:
    install(tmp_path, then="[ $1 = update ] || kill -9 $PPID")
    assert (tmp_path / "policy-rc.d").exists()
    assert install(tmp_path).returncode == 0
    assert not (tmp_path / "policy-rc.d").exists()
