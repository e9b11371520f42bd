"""The lock files agree with the requirements files, and every package in them has its hashes."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKED = {
    "requirements.txt": "requirements.lock",
    "requirements-fast.txt": "requirements-fast.lock",
    "requirements-dev.txt": "requirements-dev.lock",
    "benchmarks/requirements.txt": "benchmarks/requirements.lock",
    "demo/requirements.txt": "demo/requirements.lock",
}


def required(source: Path) -> dict[str, str]:
    """The pins of a requirements file and of those that it includes: {name: version}."""
    pins: dict[str, str] = {}
    for line in source.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words and words[0] == "-r":
            pins |= required(source.parent / words[1])
        elif words:
            requirement = Requirement(" ".join(words))
            pins[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return pins


def locked(lock: Path) -> dict[str, tuple[str, str]]:
    """What a lock file holds: {name: (version, the lines below it)}."""
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        requirement = Requirement(entry.partition("\\\n")[0])
        found[canonicalize_name(requirement.name)] = (str(requirement.specifier).removeprefix("=="), entry)
    return found


@pytest.mark.parametrize(("source", "lock"), LOCKED.items())
def test_a_lock_file_has_what_its_requirements_file_pins_and_asks_for_nothing_else(source: str, lock: str) -> None:
    entries = locked(ROOT / lock)
    pins = required(ROOT / source)
    asked_for = {name for name, (_, entry) in entries.items() if re.search(r"(# via|#  ) -r ", entry)}
    assert {name: entries[name][0] for name in asked_for} == pins, "Run 'make lock'."


@pytest.mark.parametrize("lock", LOCKED.values())
def test_every_locked_package_has_hashes(lock: str) -> None:
    entries = locked(ROOT / lock)
    assert entries
    assert [name for name, (_, entry) in entries.items() if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []


@pytest.mark.parametrize("lock", LOCKED.values())
def test_a_lock_file_names_no_index_and_no_machine(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert [line for line in lines if re.search(r"://|^-|\s-i |index-url|find-links|[ =]/", line)] == []


@pytest.mark.parametrize("lock", [lock for lock in LOCKED.values() if lock != "requirements-fast.lock"])
def test_the_lock_files_agree_on_the_versions_of_what_they_share(lock: str) -> None:
    run_time = {name: version for name, (version, _) in locked(ROOT / "requirements.lock").items()}
    entries = locked(ROOT / lock)
    assert {name: entries[name][0] for name in run_time} == run_time


@pytest.mark.parametrize("package", ["cryptography", "psycopg-binary", "hiredis", "argon2-cffi-bindings"])
def test_compiled_packages_are_locked_for_many_platforms(package: str) -> None:
    """A lock that was made from one machine's own files would hold one hash for each package."""
    _, entry = locked(ROOT / "requirements.lock")[package]
    assert entry.count("--hash=sha256:") > 20
