"""JSON Web Signatures in compact form (RFC 7515) with Ed25519 (RFC 8037), and nothing else of JOSE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcullis_agent.encoding import decode_base64url, decode_object
from portcullis_agent.errors import Refused

MAX_TOKEN_BYTES = 16 * 1024


@dataclass(frozen=True)
class UnverifiedToken:
    """A token whose header is as demanded. Its claims are read by `verify` only."""

    kid: str
    signed_part: bytes
    payload: bytes
    signature: bytes

    def verify(self, key: Ed25519PublicKey) -> dict[str, Any]:
        """Return the claims if `key` signed them; Refused with `bad_signature` or `malformed` if not."""
        try:
            key.verify(self.signature, self.signed_part)
        except InvalidSignature as error:
            raise Refused("bad_signature", "the signature does not fit") from error
        try:
            return decode_object(self.payload)
        except (ValueError, RecursionError) as error:
            raise Refused("malformed", f"the claims are not readable: {error}") from error


def parse(token: str, *, typ: str) -> UnverifiedToken:
    """Split a token and check its header: `alg`, `typ` and `kid`; `crit` is refused, other members are ignored."""
    if len(token) > MAX_TOKEN_BYTES:
        raise Refused("too_large", f"the token is longer than {MAX_TOKEN_BYTES} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise Refused("malformed", "the token has not three parts")
    try:
        header = decode_object(decode_base64url(parts[0]))
        payload = decode_base64url(parts[1])
        signature = decode_base64url(parts[2])
    except (ValueError, RecursionError) as error:
        raise Refused("malformed", f"the token is not readable: {error}") from error
    if header.get("alg") != "EdDSA":
        raise Refused("wrong_algorithm", "alg is not EdDSA")
    if header.get("typ") != typ:
        raise Refused("wrong_type", f"typ is not {typ}")
    if "crit" in header:
        raise Refused("critical_header", "crit names extensions, and none is known")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise Refused("malformed", "kid is missing")
    return UnverifiedToken(kid, f"{parts[0]}.{parts[1]}".encode("ascii"), payload, signature)
