"""JSON Web Signatures and keys with Ed25519: RFC 7515, RFC 7638 and RFC 8037, as far as leases and endorsements need them."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public_x(private: Ed25519PrivateKey) -> str:
    """The public half as the member `x` of a JWK."""
    return base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def public_jwk(x: str) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def thumbprint(x: str) -> str:
    """The SHA-256 thumbprint of the key (RFC 7638): its required members, sorted, without spaces."""
    members = encode_json({"crv": "Ed25519", "kty": "OKP", "x": x})
    return base64url(hashlib.sha256(members.encode()).digest())


def encoded_header(typ: str, kid: str) -> str:
    return base64url(encode_json({"alg": "EdDSA", "typ": typ, "kid": kid}).encode())


def signed(private: Ed25519PrivateKey, header: str, claims: dict[str, Any]) -> str:
    """The compact form; `header` is encoded already."""
    content = f"{header}.{base64url(encode_json(claims).encode())}"
    return f"{content}.{base64url(private.sign(content.encode()))}"
