"""Security keys and passkeys (WebAuthn): the options for the browser, and the verification of its answers."""

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

# Exceptions that the library and its parsers raise for a malformed answer.
MALFORMED = (
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
MAX_ID_LENGTH = 1023  # bytes, by the standard
Options = dict[str, Any]
State = dict[str, Any]


@dataclass(frozen=True)
class NewCredential:
    credential_id: bytes
    credential: bytes
    sign_count: int


def host_for_keys(host: str) -> str | None:
    """The host name for which keys are registered, from a Host header; None for an IP address, where browsers refuse keys."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name or None
    return None


def server_of(host: str) -> Fido2Server:
    def is_ours(origin: str) -> bool:
        # The library would accept any subdomain as well.
        return verify_rp_id(host, origin) and urlsplit(origin).hostname == host

    return Fido2Server(PublicKeyCredentialRpEntity(name="Portcullis", id=host), verify_origin=is_ours)


def registration_options(admin: Admin, host: str) -> tuple[Options, State]:
    """The options for creating a key, and the state to keep until the browser answers."""
    # A digest, so that a lost key does not reveal who owns it.
    handle = bytes.fromhex(digests("user handle", owner=admin.pk)[0])
    person = PublicKeyCredentialUserEntity(id=handle, name=admin.username, display_name=admin.username)
    known = [descriptor(key) for key in admin.security_keys.filter(host=host)]
    preferred = UserVerificationRequirement.PREFERRED
    options, state = server_of(host).register_begin(person, known, user_verification=preferred)
    return as_json(options), as_json(state)


def new_credential(answer: str, host: str, state: State) -> NewCredential:
    """Verify the answer to `registration_options`. Raises SecurityKeyRefused."""
    try:
        made = server_of(host).register_complete(state, json.loads(answer))
        credential = made.credential_data
        if credential is None or isinstance(credential.public_key, UnsupportedKey):
            raise SecurityKeyRefused
        if len(credential.credential_id) > MAX_ID_LENGTH:
            raise SecurityKeyRefused
        return NewCredential(bytes(credential.credential_id), bytes(credential), made.counter)
    except MALFORMED as error:
        raise SecurityKeyRefused from error


def sign_in_options(admin: Admin, host: str) -> tuple[Options, State] | None:
    """The options for signing in, and the state to keep; None if the admin has no key for this host."""
    keys = [descriptor(key) for key in admin.security_keys.filter(host=host)]
    if not keys:
        return None
    options, state = server_of(host).authenticate_begin(keys, UserVerificationRequirement.PREFERRED)
    return as_json(options), as_json(state)


def verified_key(admin: Admin, answer: str, host: str, state: State) -> tuple[SecurityKey, int]:
    """Verify the answer to `sign_in_options`: the key that signed, and its counter. Raises SecurityKeyRefused."""
    keys = {bytes(key.credential_id): key for key in admin.security_keys.filter(host=host)}
    try:
        response = AuthenticationResponse.from_dict(json.loads(answer))
        credentials = [AttestedCredentialData(bytes(key.credential)) for key in keys.values()]
        used = server_of(host).authenticate_complete(state, credentials, response)
        return keys[bytes(used.credential_id)], response.response.authenticator_data.counter
    except MALFORMED as error:
        raise SecurityKeyRefused from error


def descriptor(key: SecurityKey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=bytes(key.credential_id))


def as_json(value: Any) -> dict[str, Any]:
    """As JSON types, which a session and a page can hold."""
    converted: dict[str, Any] = json.loads(json.dumps(value, default=dict))
    return converted
