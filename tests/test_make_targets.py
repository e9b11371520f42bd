"""Targets of the Makefile that other tests do not run as such."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running_server import ROOT
from tests.test_lock_files import locked


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("backup",), "manage.py backup"),
        (("restore", "FILE=a.zip"), 'manage.py restore  "a.zip"'),
        (("restore", "FILE=a.zip", "OVERWRITE=portcullis"), 'manage.py restore --overwrite "portcullis" "a.zip"'),
        (("licenses",), "scripts/licenses.py"),
        (("audit",), "scripts/audit.py"),
    ],
)
def test_a_target_runs_its_command(arguments: tuple[str, ...], command: str) -> None:
    assert f".venv/bin/python {command}" in make("-n", *arguments).stdout.splitlines()


def test_restore_without_a_file_says_what_to_type() -> None:
    refused = make("restore")
    assert refused.returncode == 2
    assert "make restore FILE=var/backups/portcullis-….zip" in refused.stderr


@pytest.mark.long
@pytest.mark.e2e
def test_the_bill_of_materials_has_every_package_that_runs_in_production(tmp_path: Path) -> None:
    for name in ("scripts/sbom.sh", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    environment = os.environ | {"BIN": str(ROOT / ".venv/bin")}
    done = subprocess.run([tmp_path / "scripts/sbom.sh"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bill = json.loads((tmp_path / "var/sbom.cdx.json").read_text())
    assert (bill["specVersion"], bill["metadata"]["component"]["name"]) == ("1.6", "portcullis")
    listed = {component["name"].lower().replace("_", "-"): component for component in bill["components"]}
    # The lock file also has packages for other platforms and versions of Python.
    assert {"django", "djangorestframework", "cryptography"} <= set(listed) <= set(locked(ROOT / "requirements.lock"))
    assert {name: listed[name]["version"] for name in listed} == {
        name: version for name, (version, _) in locked(ROOT / "requirements.lock").items() if name in listed
    }
    # This package's own metadata names no licence; docs/licenses.md does.
    assert [name for name in listed if not listed[name].get("licenses")] == ["uritemplate"]
