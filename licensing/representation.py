"""Signing keys as the public set and the commands show them. Nothing of a private half is in either."""

from datetime import datetime
from typing import Any

from common.instants import format_instant
from licensing.jws import public_jwk
from licensing.models import SigningKey
from licensing.private_keys import private_half_of


def key_set(*, at: datetime) -> dict[str, Any]:
    """The JWK set that sites fetch. `endorsements` has all of them, oldest first, also those of keys that have left the set:

    by them a site that was off for long gets from a key that it knows to the present one.
    """
    chain = list(SigningKey.objects.in_chain().oldest_first().defer("sealed_private"))
    return {
        "keys": [public_representation(key) for key in chain if key.is_listed(at=at)],
        "endorsements": [key.endorsement for key in chain if key.endorsement],
    }


def public_representation(key: SigningKey) -> dict[str, str]:
    members = {**public_jwk(key.x), "kid": key.kid, "use": "sig", "alg": "EdDSA", "state": key.state}
    return {**members, "endorsement": key.endorsement} if key.endorsement else members


def signing_key_representation(key: SigningKey) -> dict[str, Any]:
    """What the commands print with `--json`."""
    times = {name: getattr(key, name) for name in ("created_at", "activated_at", "retired_at", "listed_until")}
    return {
        "kid": key.kid,
        "x": key.x,
        "state": str(key.state),
        "endorsed_by": key.endorsed_by_id,
        **{name: format_instant(at) if at else None for name, at in times.items()},
        "stays_listed": key.stays_listed,
        "private_half": str(private_half_of(key)),
        "may_sign_at": format_instant(key.may_sign_at) if key.state == SigningKey.State.PUBLISHED else None,
    }
