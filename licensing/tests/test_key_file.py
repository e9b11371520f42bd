"""LEASE_KEY_FILE: private halves in a file that several machines share, and none in the database."""

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.actors import COMMAND
from conftest import Clock
from licensing import key_file
from licensing.errors import KeyFileInvalid, SigningKeyUnavailable
from licensing.leases import lease_for
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import activate_signing_key, create_signing_key
from licensing.tests import verifier
from licensing.tests.test_leases import FACTS, RFC_D, RFC_KID, RFC_X

FILE_OF_THE_STANDARD = {"keys": [{"kty": "OKP", "crv": "Ed25519", "d": RFC_D, "x": RFC_X}]}


@pytest.fixture
def file(tmp_path: Path, settings: Any, db: None) -> Path:
    signer.cache_clear()
    settings.LEASE_KEY_FILE = tmp_path / "lease-keys.json"
    return settings.LEASE_KEY_FILE


def write(file: Path, content: Any, mode: int = 0o600) -> None:
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(mode)


def names_beside(file: Path) -> list[str]:
    return sorted(entry.name for entry in file.parent.iterdir())


def kids_in(file: Path) -> list[str]:
    return [key["kid"] for key in json.loads(file.read_text())["keys"]]


def test_a_new_key_is_added_to_the_file_and_the_database_has_no_private_half(file: Path, clock: Clock) -> None:
    keys = [create_signing_key(by=COMMAND, at=clock()) for _ in range(2)]
    assert [key.sealed_private for key in SigningKey.objects.all()] == [None, None]
    assert kids_in(file) == [key.kid for key in keys]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names_beside(file) == [f".{file.name}.lock", file.name]
    assert verifier.read(lease_for(keys[0].kid, **FACTS), "portcullis-lease+jwt", {keys[0].kid: keys[0].x})


def test_a_key_that_the_file_has_already_is_taken(file: Path, clock: Clock) -> None:
    """So an operator distributes the file first, also where it can only be read."""
    write(file, FILE_OF_THE_STANDARD)
    before = file.read_text()
    key = create_signing_key(by=COMMAND, at=clock())
    assert (key.kid, key.x, file.read_text()) == (RFC_KID, RFC_X, before)
    assert create_signing_key(by=COMMAND, at=clock()).kid != RFC_KID, "once"


@pytest.mark.django_db(transaction=True)
def test_a_retired_key_leaves_the_file(file: Path, clock: Clock) -> None:
    first, second = (create_signing_key(by=COMMAND, at=clock()) for _ in range(2))
    activate_signing_key(second.kid, by=COMMAND, at=clock(), now=True)
    assert kids_in(file) == [second.kid]
    signer.cache_clear()
    assert lease_for(second.kid, **FACTS)
    with pytest.raises(SigningKeyUnavailable):
        lease_for(first.kid, **FACTS)


def test_a_key_that_is_not_in_the_file_is_not_activated(file: Path, clock: Clock) -> None:
    first, second = (create_signing_key(by=COMMAND, at=clock()) for _ in range(2))
    content = json.loads(file.read_text())
    write(file, {"keys": content["keys"][:1]})
    with pytest.raises(SigningKeyUnavailable, match="is LEASE_KEY_FILE the right one"):
        activate_signing_key(second.kid, by=COMMAND, at=clock(), now=True)
    assert SigningKey.objects.signing().get() == first


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Path, clock: Clock, mode: int) -> None:
    write(file, FILE_OF_THE_STANDARD, mode)
    with pytest.raises(KeyFileInvalid, match="chmod 600"):
        create_signing_key(by=COMMAND, at=clock())


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"keys": [{}]}', '{"keys": [{"d": "c2hvcnQ"}]}', '{"keys": [{"d": 7}]}', '{"keys": 7}']
)
def test_a_file_of_another_shape_is_refused_without_its_content(file: Path, clock: Clock, content: str) -> None:
    write(file, content)
    with pytest.raises(KeyFileInvalid) as refusal:
        create_signing_key(by=COMMAND, at=clock())
    assert refusal.value.detail == f"{file} is not a JWK set of private Ed25519 keys."


def test_a_key_that_was_sealed_in_the_database_before_still_signs(file: Path, clock: Clock, settings: Any) -> None:
    settings.LEASE_KEY_FILE = None
    first = create_signing_key(by=COMMAND, at=clock())
    settings.LEASE_KEY_FILE = file
    assert create_signing_key(by=COMMAND, at=clock()).sealed_private is None
    assert lease_for(first.kid, **FACTS)


ADD_TEN = """
import os, sys
from pathlib import Path
from django.conf import settings
settings.configure(LEASE_KEY_FILE=Path(sys.argv[1]))
from licensing import key_file
sys.stdin.readline()
for _ in range(10):
    key_file.add(os.urandom(32))
"""


def test_two_processes_that_add_keys_at_once_lose_none(file: Path) -> None:
    command = [sys.executable, "-c", ADD_TEN, str(file)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdin
        process.stdin.write("start\n")
        process.stdin.close()
    assert [process.wait(30) for process in processes] == [0, 0]
    assert len(set(kids_in(file))) == 20


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_file_as_it_was_and_nothing_else(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    create_signing_key(by=COMMAND, at=clock())
    before = file.read_text()

    def no_space(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(f"licensing.key_file.os.{call}", no_space)
        with pytest.raises(KeyFileInvalid, match="cannot be written: No space left on device"):
            create_signing_key(by=COMMAND, at=clock())
    assert file.read_text() == before
    assert names_beside(file) == [f".{file.name}.lock", file.name]
    assert create_signing_key(by=COMMAND, at=clock()).state == "published"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_root_writes_belongs_to_the_owner_of_the_file_before(file: Path, clock: Clock) -> None:
    create_signing_key(by=COMMAND, at=clock())
    os.chown(file, 12345, 23456)
    create_signing_key(by=COMMAND, at=clock())
    owner = file.stat()
    assert (owner.st_uid, owner.st_gid, stat.S_IMODE(owner.st_mode)) == (12345, 23456, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_a_first_file_of_root_belongs_to_the_owner_of_the_folder(file: Path, clock: Clock) -> None:
    os.chown(file.parent, 12345, 23456)
    create_signing_key(by=COMMAND, at=clock())
    assert {entry.stat().st_uid for entry in file.parent.iterdir()} == {12345}


def test_a_link_in_place_of_the_lock_is_not_followed(file: Path, clock: Clock) -> None:
    target = file.with_name("target")
    target.write_text("")
    file.with_name(f".{file.name}.lock").symlink_to(target)
    with pytest.raises(KeyFileInvalid, match="cannot be opened"):
        key_file.add(os.urandom(32))
