"""Security keys and passkeys (WebAuthn): what the browser is asked, and whether its answer proves anything."""

import ipaddress
import json
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from fido2.cose import UnsupportedKey
from fido2.rpid import verify_rp_id
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    UserVerificationRequirement,
)

from accounts.errors import SecurityKeyRefused
from accounts.models import Admin, SecurityKey
from accounts.two_factor.encryption import digests

# What the library and its parsers raise for an answer that is not one.
UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    UnsupportedAlgorithm,
    struct.error,
)
LONGEST_ID = 1023  # bytes, by the standard
Options = dict[str, Any]
State = dict[str, Any]


@dataclass(frozen=True)
class NewCredential:
    credential_id: bytes
    credential: bytes
    sign_count: int


def host_for_keys(host: str) -> str | None:
    """The name for which a key answers, from a Host header; None for an address, for which no browser lets it."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name or None
    return None


def server_of(host: str) -> Fido2Server:
    def is_ours(origin: str) -> bool:
        # The library would take any name below ours as well.
        return verify_rp_id(host, origin) and urlsplit(origin).hostname == host

    return Fido2Server(PublicKeyCredentialRpEntity(name="Portcullis", id=host), verify_origin=is_ours)


def registration_options(admin: Admin, host: str) -> tuple[Options, State]:
    """What the browser is asked to make, and what to remember until it answers."""
    # A handle that says nothing about the person to whoever finds the key.
    handle = bytes.fromhex(digests("user handle", owner=admin.pk)[0])
    person = PublicKeyCredentialUserEntity(id=handle, name=admin.username, display_name=admin.username)
    known = [descriptor(key) for key in admin.security_keys.filter(host=host)]
    preferred = UserVerificationRequirement.PREFERRED
    options, state = server_of(host).register_begin(person, known, user_verification=preferred)
    return plain(options), plain(state)


def new_credential(answer: str, host: str, state: State) -> NewCredential:
    """The key that the browser made. Raises SecurityKeyRefused."""
    try:
        made = server_of(host).register_complete(state, json.loads(answer))
        credential = made.credential_data
        if credential is None or isinstance(credential.public_key, UnsupportedKey):
            raise SecurityKeyRefused
        if len(credential.credential_id) > LONGEST_ID:
            raise SecurityKeyRefused
        return NewCredential(bytes(credential.credential_id), bytes(credential), made.counter)
    except UNREADABLE as error:
        raise SecurityKeyRefused from error


def sign_in_options(admin: Admin, host: str) -> tuple[Options, State] | None:
    """None when the admin has no key for this host."""
    keys = [descriptor(key) for key in admin.security_keys.filter(host=host)]
    if not keys:
        return None
    options, state = server_of(host).authenticate_begin(keys, UserVerificationRequirement.PREFERRED)
    return plain(options), plain(state)


def proven_key(admin: Admin, answer: str, host: str, state: State) -> tuple[SecurityKey, int]:
    """The key that signed, and how often it says that it did so. Raises SecurityKeyRefused."""
    keys = {bytes(key.credential_id): key for key in admin.security_keys.filter(host=host)}
    try:
        response = AuthenticationResponse.from_dict(json.loads(answer))
        credentials = [AttestedCredentialData(bytes(key.credential)) for key in keys.values()]
        used = server_of(host).authenticate_complete(state, credentials, response)
        return keys[bytes(used.credential_id)], response.response.authenticator_data.counter
    except UNREADABLE as error:
        raise SecurityKeyRefused from error


def descriptor(key: SecurityKey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=bytes(key.credential_id))


def plain(value: Any) -> dict[str, Any]:
    """As JSON has it: a session and a page can hold it."""
    as_json: dict[str, Any] = json.loads(json.dumps(value, default=dict))
    return as_json
