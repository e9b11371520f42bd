"""A reading of leases and key sets with `cryptography` alone, as a site would write it. It imports nothing of the product."""

import base64
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def kid_of(x: str) -> str:
    text = '{"crv":"Ed25519","kty":"OKP","x":"' + x + '"}'
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def read(jws: str, typ: str, keys: dict[str, str]) -> dict[str, Any]:
    """The claims, signed by one of `keys`, {kid: x}. Raises ValueError, InvalidSignature."""
    head, body, signature = jws.split(".")
    header = json.loads(decoded(head))
    if header.get("alg") != "EdDSA" or header.get("typ") != typ or header.get("kid") not in keys:
        raise ValueError(f"not a {typ} by a known key: {header}")
    Ed25519PublicKey.from_public_bytes(decoded(keys[header["kid"]])).verify(
        decoded(signature), f"{head}.{body}".encode()
    )
    claims: dict[str, Any] = json.loads(decoded(body))
    return claims


class Verifier:
    """A site that pinned one key and asks for the set when it likes.

    It trusts what a key that it trusts has endorsed, and forgets keys that are not listed any more.
    """

    def __init__(self, kid: str, x: str) -> None:
        self.trusted = {kid: x}

    def fetch(self, key_set: dict[str, Any]) -> None:
        for endorsement in key_set["endorsements"]:
            try:
                claims = read(endorsement, "portcullis-key+jwt", self.trusted)
            except (ValueError, InvalidSignature):
                continue
            assert kid_of(claims["jwk"]["x"]) == claims["sub"]
            self.trusted[claims["sub"]] = claims["jwk"]["x"]
        listed = {key["kid"] for key in key_set["keys"]}
        self.trusted = {kid: x for kid, x in self.trusted.items() if kid in listed} or self.trusted

    def read(self, lease: str) -> dict[str, Any]:
        return read(lease, "portcullis-lease+jwt", self.trusted)
