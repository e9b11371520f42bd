"""The lease: what the control plane signed about this site, and when it must not be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portcullis_agent import jws
from portcullis_agent.encoding import decode_moment
from portcullis_agent.errors import LeaseRefused, Refused
from portcullis_agent.keys import KeyRing

LEASE_TYPE = "portcullis-lease+jwt"
STOPPING_STATES = ("locked", "expired", "lapsed")
LATEST = 253402300799  # the last second of the year 9999
LARGEST_INTEGER = 2**53 - 1


@dataclass(frozen=True)
class Lease:
    """The claims of a lease whose signature was checked. Times are seconds since 1970, by the server's clock."""

    token: str
    kid: str
    site_id: str
    issued_at: int
    expires_at: int
    nonce: str | None
    revision: int
    licensed: bool
    locked: bool
    lock_reason: str | None
    license_expires_at: datetime | None
    next_heartbeat_seconds: int
    stop_on: tuple[str, ...]

    def decides_like(self, other: Lease) -> bool:
        """Whether both say the same but for their times, nonces and numbers."""
        return self._decision == other._decision

    @property
    def _decision(self) -> tuple[object, ...]:
        return (
            self.kid,
            self.revision,
            self.licensed,
            self.locked,
            self.lock_reason,
            self.license_expires_at,
            self.stop_on,
        )


def verify_lease(
    token: str,
    keys: KeyRing,
    *,
    site_id: str,
    nonce: str | None = None,
    held: Lease | None = None,
) -> Lease:
    """Check a lease and return its claims; LeaseRefused with a stable code if it must not be believed.

    `nonce` is the one that was sent; None (a lease from a file) leaves it unchecked. `held` is the newest good lease.
    No clock of this machine is asked.
    """
    try:
        parsed = jws.parse(token, typ=LEASE_TYPE)
        key = keys.key(parsed.kid)
        if key is None:
            raise LeaseRefused("unknown_key", f"no trusted key leads to the key {parsed.kid[:64]!r}")
        claims = parsed.verify(key)
    except LeaseRefused:
        raise
    except Refused as refused:
        raise LeaseRefused(refused.code, str(refused)) from refused
    if claims.get("iss") != keys.issuer:
        raise LeaseRefused("wrong_issuer", "the lease has another issuer")
    if claims.get("sub") != site_id:
        raise LeaseRefused("other_site", "the lease is for another site")
    lease = _read_claims(token, parsed.kid, claims)
    if nonce is not None and lease.nonce != nonce:
        raise LeaseRefused("wrong_nonce", "the lease does not answer this request")
    if held is not None:
        refuse_older(lease, held)
    return lease


def refuse_older(lease: Lease, held: Lease) -> None:
    """LeaseRefused if the lease is from before the held one: by its revision, then by its time."""
    if lease.revision < held.revision:
        raise LeaseRefused("lower_revision", f"revision {lease.revision} is below the held {held.revision}")
    if lease.revision == held.revision and lease.issued_at < held.issued_at:
        raise LeaseRefused("older", "the held lease of this revision is newer")


def _read_claims(token: str, kid: str, claims: dict[str, Any]) -> Lease:
    read = _Claims(claims)
    issued_at, expires_at = read.integer("iat", 0, LATEST), read.integer("exp", 0, LATEST)
    if expires_at <= issued_at:
        raise LeaseRefused("wrong_claims", "exp is not after iat")
    if not isinstance(claims.get("jti"), str) or read.moment("server_time") is None:
        raise LeaseRefused("wrong_claims", "jti or server_time is missing")
    return Lease(
        token=token,
        kid=kid,
        site_id=claims["sub"],
        issued_at=issued_at,
        expires_at=expires_at,
        nonce=read.text("nonce"),
        revision=read.integer("revision", 0, LARGEST_INTEGER),
        licensed=read.boolean("licensed"),
        locked=read.boolean("locked"),
        lock_reason=read.text("lock_reason"),
        license_expires_at=read.moment("license_expires_at"),
        next_heartbeat_seconds=read.integer("next_heartbeat_seconds", 1, LARGEST_INTEGER),
        stop_on=read.states("stop_on"),
    )


class _Claims:
    """Claims read with their types; LeaseRefused with `wrong_claims` for any other type."""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.claims = claims

    def _get(self, name: str) -> Any:
        if name not in self.claims:
            raise LeaseRefused("wrong_claims", f"{name} is missing")
        return self.claims[name]

    def integer(self, name: str, lowest: int, highest: int) -> int:
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise LeaseRefused("wrong_claims", f"{name} is not an integer from {lowest} to {highest}")
        return value

    def boolean(self, name: str) -> bool:
        value = self._get(name)
        if not isinstance(value, bool):
            raise LeaseRefused("wrong_claims", f"{name} is not true or false")
        return value

    def text(self, name: str) -> str | None:
        value = self._get(name)
        if value is not None and not isinstance(value, str):
            raise LeaseRefused("wrong_claims", f"{name} is not a text")
        if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
            raise LeaseRefused("wrong_claims", f"{name} has half a surrogate pair")
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            return decode_moment(value)
        except ValueError as error:
            raise LeaseRefused("wrong_claims", f"{name} is not a time in UTC") from error

    def states(self, name: str) -> tuple[str, ...]:
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise LeaseRefused("wrong_claims", f"{name} is not a list of texts")
        return tuple(state for state in STOPPING_STATES if state in value)
