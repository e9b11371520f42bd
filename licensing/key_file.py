"""LEASE_KEY_FILE: a file with a JWK set of private keys (RFC 8037), mode 0600, which several machines can share."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from licensing.errors import KeyFileInvalid
from licensing.jws import base64url, from_base64url, public_jwk, public_x, thumbprint

READABLE_BY_OTHERS = 0o077


def is_used() -> bool:
    return settings.LEASE_KEY_FILE is not None


@sensitive_variables()
def private_keys() -> dict[str, bytes]:
    """{kid: private half}, in the order of the file; empty if there is no file. Raises KeyFileInvalid."""
    path = key_file()
    try:
        if path.stat().st_mode & READABLE_BY_OTHERS:
            raise KeyFileInvalid(f"{path} must be readable by its owner only: chmod 600 {path}.")
        members = json.loads(path.read_text(encoding="utf-8"))["keys"]
        keys = [from_base64url(member["d"]) for member in members]
        return {thumbprint(public_x(Ed25519PrivateKey.from_private_bytes(key))): key for key in keys}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KeyFileInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        # Without the cause, whose message could show a part of the file.
        raise KeyFileInvalid(f"{path} is not a JWK set of private Ed25519 keys.") from None


@sensitive_variables()
def add(private: bytes) -> None:
    """Raises KeyFileInvalid."""
    with locked():
        write([*private_keys().values(), private])


@sensitive_variables()
def remove(kid: str) -> None:
    """Raises KeyFileInvalid, which says what a person must do: the key is retired already."""
    if kid not in private_keys():
        return
    try:
        with locked():
            write([key for other, key in private_keys().items() if other != kid])
    except KeyFileInvalid as error:
        raise KeyFileInvalid(
            f"The key is retired, but its private half is still in the file; delete it there. {error.detail}"
        ) from error


@contextmanager
def locked() -> Iterator[None]:
    """Until the end, no other process changes the file. The lock is on a file beside it, which stays: this one is replaced."""
    path = key_file()
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = open_lock(lock, path)
    except OSError as error:
        raise KeyFileInvalid(f"{path} cannot be changed: {lock} cannot be opened: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_lock(lock: Path, path: Path) -> int:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    keep_owner(descriptor, path)
    return descriptor


@sensitive_variables()
def write(keys: list[bytes]) -> None:
    """Replace the file as a whole, so that a reader or a power cut never meets half of it. Raises KeyFileInvalid."""
    path = key_file()
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                keep_owner(descriptor, path)
                json.dump({"keys": [private_jwk(key) for key in keys]}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise KeyFileInvalid(f"{path} cannot be written: {error.strerror}.") from error


def keep_owner(descriptor: int, path: Path) -> None:
    """Give a new file the owner and group of the one at `path`, or of its folder: the server reads what root has written."""
    if os.geteuid() == 0:
        owner = (path if path.exists() else path.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@sensitive_variables()
def private_jwk(private: bytes) -> dict[str, Any]:
    x = public_x(Ed25519PrivateKey.from_private_bytes(private))
    return {**public_jwk(x), "kid": thumbprint(x), "d": base64url(private)}


def key_file() -> Path:
    path = settings.LEASE_KEY_FILE
    assert isinstance(path, Path)
    return path
