"""Every change of a signing key: one function each, called by the commands.

`by` is the actor and `at` the moment of the change. All changes of all keys wait for one lock: from the first creation on
there is one key that signs, never none and never two.
"""

import os
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.views.decorators.debug import sensitive_variables

from audit.actors import Actor
from audit.services import Changes, record_event
from common.instants import format_instant
from licensing import key_file, sealing
from licensing.errors import NoSuccessor, SigningKeyNotFound, SigningKeyRetired, SigningKeyWaits
from licensing.events import SigningKeyAction, signing_key_subject
from licensing.jws import public_jwk, public_x, signed, thumbprint
from licensing.models import SigningKey, SigningKeyQuerySet
from licensing.private_keys import private_half, signer

# An advisory lock of PostgreSQL: an empty table has no row to lock.
KEYS_LOCK = 20_261_128
# For machines whose clocks were ahead when they signed.
MARGIN_OF_CLOCKS = timedelta(hours=1)
PUBLISHED, SIGNING, RETIRED = SigningKey.State.PUBLISHED, SigningKey.State.SIGNING, SigningKey.State.RETIRED


@transaction.atomic
def create_signing_key(*, by: Actor, at: datetime, unless_there_is_one: bool = False) -> SigningKey:
    """The first key signs at once; a further one is published, and endorsed by the one that signs.

    With LEASE_KEY_FILE it is the first key of the file that is not known yet, else a new one, which is added to the file.
    Raises SigningKeyUnavailable, KeyFileInvalid.
    """
    keys = locked_keys()
    present = keys.signing().first()
    if present and unless_there_is_one:
        return present
    kid, x, content = new_private_half()
    key = SigningKey(kid=kid, x=x, sealed_private=content, created_at=at, position=next_position())
    if present:
        key.state, key.endorsed_by, key.endorsement = PUBLISHED, present, endorsement_of(key, by=present, at=at)
    else:
        key.state, key.activated_at = SIGNING, at
    key.save(force_insert=True)
    endorsed_by = key.endorsed_by.kid if key.endorsed_by else None
    record(
        SigningKeyAction.CREATED,
        key,
        by=by,
        at=at,
        changes={"state": (None, key.state), "endorsed_by": (None, endorsed_by)},
    )
    return key


@transaction.atomic
def activate_signing_key(kid: str, *, by: Actor, at: datetime, now: bool = False) -> SigningKey:
    """Let a published key sign in place of the present one, which is retired; `now` skips the waiting time.

    A key that signs already is returned as it is.
    Raises SigningKeyNotFound, SigningKeyRetired, SigningKeyWaits, SigningKeyUnavailable.
    """
    keys = locked_keys()
    key = found(keys, kid)
    if key.state == SIGNING:
        return key
    if key.state == RETIRED:
        raise SigningKeyRetired
    if not now and at < key.may_sign_at:
        raise SigningKeyWaits(
            f"The key may sign from {format_instant(key.may_sign_at)} on, so that the sites know it by then; "
            "--now skips the waiting time."
        )
    return hand_over(keys.signing().get(), key, by=by, at=at)


@transaction.atomic
def retire_signing_key(kid: str, *, by: Actor, at: datetime, now: bool = False) -> SigningKey:
    """Delete the private half. A published key leaves the set at once, the signing one when its last lease has ended, or
    later if it signed documents that have no end (see `licensing.documents`).

    In place of the signing key the oldest published one signs, which must have waited. `now`, after a leak, skips that
    waiting time, and takes the key out of the set at once, whatever it signed, also one that was retired before.
    Raises SigningKeyNotFound, NoSuccessor, SigningKeyUnavailable.
    """
    keys = locked_keys()
    key = found(keys, kid)
    if key.state == SIGNING:
        hand_over(key, successor(keys, at=at, now=now), listed_until=at if now else None, by=by, at=at)
        return found(keys, kid)
    if key.state == PUBLISHED:
        return retire(key, listed_until=at, by=by, at=at)
    if now and key.listed_until and key.is_listed(at=at):
        before, key.listed_until, key.stays_listed = key.listed_until, min(key.listed_until, at), False
        key.save(update_fields=["listed_until", "stays_listed"])
        changes = {"listed_until": (format_instant(before), format_instant(key.listed_until))}
        record(SigningKeyAction.RETIRED, key, by=by, at=at, changes=changes)
    return key


def successor(keys: SigningKeyQuerySet, *, at: datetime, now: bool) -> SigningKey:
    """The oldest published key, which most sites know. Raises NoSuccessor."""
    key = keys.published().oldest_first().first()
    if key is None:
        raise NoSuccessor("No other key can take over: create one first.")
    if not now and at < key.may_sign_at:
        raise NoSuccessor(
            f"The next key, {key.kid}, may sign from {format_instant(key.may_sign_at)} on; --now skips the waiting time."
        )
    return key


def hand_over(
    former: SigningKey, key: SigningKey, *, by: Actor, at: datetime, listed_until: datetime | None = None
) -> SigningKey:
    """Retire the former key, which stays in the set until its leases have ended, and let the published one sign.

    Keys that stay published come after it in the chain, and are endorsed by it: the former one endorsed them until now.
    """
    signer(key.kid)  # raises SigningKeyUnavailable before the former key is gone
    retire(former, listed_until=listed_until or end_of_leases(former, at=at), by=by, at=at)
    key.state, key.activated_at = SIGNING, at
    key.sealed_private = sealed_again(key)
    key.save(update_fields=["state", "activated_at", "sealed_private"])
    record(SigningKeyAction.ACTIVATED, key, by=by, at=at, changes={"state": (PUBLISHED, SIGNING)})
    for other in SigningKey.objects.published().oldest_first():
        other.endorsed_by, other.endorsement = key, endorsement_of(other, by=key, at=at)
        other.position, other.sealed_private = next_position(), sealed_again(other)
        other.save(update_fields=["endorsed_by", "endorsement", "position", "sealed_private"])
    return key


def retire(key: SigningKey, *, listed_until: datetime, by: Actor, at: datetime) -> SigningKey:
    before, key.state = key.state, RETIRED
    key.retired_at, key.listed_until, key.sealed_private = at, listed_until, None
    key.stays_listed = key.stays_listed and listed_until > at
    key.save(update_fields=["state", "retired_at", "listed_until", "stays_listed", "sealed_private"])
    if key_file.is_used():
        transaction.on_commit(lambda: key_file.remove(key.kid))
    changes = {"state": (before, RETIRED), "listed_until": (None, format_instant(listed_until))}
    record(SigningKeyAction.RETIRED, key, by=by, at=at, changes=changes)
    return key


def locked_keys() -> SigningKeyQuerySet:
    """All keys; nobody else changes one until the transaction ends. On SQLite a transaction that writes is alone anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [KEYS_LOCK])
    return SigningKey.objects.all()


def found(keys: SigningKeyQuerySet, kid: str) -> SigningKey:
    key = keys.filter(pk=kid).first()
    if key is None:
        raise SigningKeyNotFound
    return key


@sensitive_variables()
def new_private_half() -> tuple[str, str, bytes | None]:
    """Id, public half, and the sealed private half; None if that is in LEASE_KEY_FILE."""
    if not key_file.is_used():
        private = random_private_half()
    else:
        in_file = key_file.private_keys()
        known = set(SigningKey.objects.filter(pk__in=in_file).values_list("pk", flat=True))
        unknown = [private for kid, private in in_file.items() if kid not in known]
        private = unknown[0] if unknown else random_private_half()
        if not unknown:
            key_file.add(private)
    x = x_of(private)
    kid = thumbprint(x)
    return kid, x, None if key_file.is_used() else sealing.sealed(private, kid=kid)


@sensitive_variables()
def random_private_half() -> bytes:
    """One whose id does not begin with a dash: commands would take such an id for an option."""
    private = os.urandom(32)
    while thumbprint(x_of(private)).startswith("-"):
        private = os.urandom(32)
    return private


@sensitive_variables()
def x_of(private: bytes) -> str:
    return public_x(Ed25519PrivateKey.from_private_bytes(private))


@sensitive_variables()
def sealed_again(key: SigningKey) -> bytes | None:
    """Under the newest secret, so that a former one is not needed any more. Raises SigningKeyUnavailable."""
    return None if key.sealed_private is None else sealing.sealed(private_half(key), kid=key.kid)


def endorsement_of(key: SigningKey, *, by: SigningKey, at: datetime) -> str:
    endorser = signer(by.kid)
    claims = {
        "iss": settings.LEASE_ISSUER,
        "iat": int(at.timestamp()),
        "sub": key.kid,
        "jwk": public_jwk(key.x),
    }
    return signed(endorser.private, endorser.endorsement_header, claims)


def next_position() -> int:
    return (SigningKey.objects.aggregate(Max("position"))["position__max"] or 0) + 1


def end_of_leases(key: SigningKey, *, at: datetime) -> datetime:
    """When the last lease has ended that any process has signed with the key until `at`.

    LEASE_DAYS may have been longer before, and another machine may still have the longer one. The row is locked: a process
    that records a longer life then waits, and finds the key retired.
    """
    longest = SigningKey.objects.select_for_update().values_list("longest_lease_seconds", flat=True).get(pk=key.pk)
    return at + timedelta(seconds=max(longest, settings.LEASE_SECONDS)) + MARGIN_OF_CLOCKS


def record(action: SigningKeyAction, key: SigningKey, *, by: Actor, at: datetime, changes: Changes) -> None:
    record_event(action, subject=signing_key_subject(key.kid), by=by, at=at, changes=changes)
