"""Changes of state around second factors. Each is one function.

Whenever it changes whether a password alone signs somebody in, all that was signed in before ends: other rules let it in.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.errors import NameTaken, SecurityKeyRefused
from accounts.login_guard import LoginGuard
from accounts.models import Admin, RecoveryCode, SecurityKey, TotpDevice
from accounts.services import end_everything_else
from accounts.two_factor import codes
from accounts.two_factor.encryption import digests, sealed
from accounts.two_factor.security_keys import NewCredential, State, proven_key

log = logging.getLogger("portcullis.accounts")


@dataclass(frozen=True)
class Added:
    """`recovery_codes` are to be shown now, once; None when the admin had codes before."""

    admin: Admin
    recovery_codes: list[str] | None


# --- Adding and taking away ---------------------------------------------------------------------------------------


@transaction.atomic
def add_totp(admin_id: int, secret: str, *, code: str, at: datetime) -> Added | None:
    """An authenticator app, in place of the one before; None when the code is not one of its own."""
    step = codes.matching_step(secret, code.replace(" ", ""), at=at)
    if step is None:
        return None
    admin = locked(admin_id)
    was_there = admin.has_second_factor()
    facts = {"sealed_secret": sealed(secret, owner=admin_id), "last_step": step, "created_at": at, "last_used_at": at}
    TotpDevice.objects.update_or_create(admin=admin, defaults=facts)
    log.info("%s added an authenticator app", admin.username)
    return after_adding(admin, was_there=was_there, at=at)


@transaction.atomic
def add_security_key(admin_id: int, name: str, made: NewCredential, *, host: str, at: datetime) -> Added:
    """Raises NameTaken, and SecurityKeyRefused for a key that is registered already."""
    admin = locked(admin_id)
    was_there = admin.has_second_factor()
    if SecurityKey.objects.filter(admin=admin, name=name).exists():
        raise NameTaken
    try:
        with transaction.atomic():
            SecurityKey.objects.create(
                admin=admin,
                name=name,
                host=host,
                credential_id=made.credential_id,
                credential=made.credential,
                sign_count=made.sign_count,
                created_at=at,
            )
    except IntegrityError as error:
        raise SecurityKeyRefused("This security key is registered already.") from error
    log.info("%s added a security key", admin.username)
    return after_adding(admin, was_there=was_there, at=at)


def after_adding(admin: Admin, *, was_there: bool, at: datetime) -> Added:
    if was_there:
        return Added(admin, None)
    sign_out_everywhere(admin, at=at)
    return Added(admin, write_recovery_codes(admin, at=at))


@transaction.atomic
def remove_totp(admin_id: int, *, at: datetime) -> Admin:
    admin = locked(admin_id)
    deleted, _ = TotpDevice.objects.filter(admin=admin).delete()
    return after_removing(admin, bool(deleted), what="the authenticator app", at=at)


@transaction.atomic
def remove_security_key(admin_id: int, key_id: int, *, at: datetime) -> Admin:
    admin = locked(admin_id)
    deleted, _ = SecurityKey.objects.filter(admin=admin, pk=key_id).delete()
    return after_removing(admin, bool(deleted), what="a security key", at=at)


def after_removing(admin: Admin, removed: bool, *, what: str, at: datetime) -> Admin:
    if removed:
        log.info("%s removed %s", admin.username, what)
    if removed and not admin.has_second_factor():
        RecoveryCode.objects.filter(admin=admin).delete()
        sign_out_everywhere(admin, at=at)
    return admin


@transaction.atomic
def renew_recovery_codes(admin_id: int, *, at: datetime) -> list[str]:
    """Ten new ones, to be shown now, once; those of before open nothing any more."""
    admin = locked(admin_id)
    log.info("%s renewed the recovery codes", admin.username)
    return write_recovery_codes(admin, at=at)


@transaction.atomic
def reset_two_factor(admin_id: int, *, by: str, at: datetime) -> bool:
    """Take all second factors of somebody who lost them, and sign them out everywhere; whether there was one.

    From then on the password alone signs them in; where a second factor is required they set up a new one first.
    """
    admin = locked(admin_id)
    had = admin.has_second_factor()
    for table in (TotpDevice, SecurityKey, RecoveryCode):
        table.objects.filter(admin=admin).delete()
    sign_out_everywhere(admin, at=at)
    log.warning("%s reset the second factors of %s", by, admin.username)
    return had


def locked(admin_id: int) -> Admin:
    """So that of two first factors at once one is the first."""
    return Admin.objects.select_for_update(no_key=True).get(pk=admin_id)


def sign_out_everywhere(admin: Admin, *, at: datetime) -> None:
    admin.token_generation += 1
    admin.save(update_fields=["token_generation"])
    end_everything_else(admin, but=None, at=at)


def write_recovery_codes(admin: Admin, *, at: datetime) -> list[str]:
    fresh = codes.new_recovery_codes()
    RecoveryCode.objects.filter(admin=admin).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(admin=admin, digest=digests(code.replace("-", ""), owner=admin.pk)[0], created_at=at)
        for code in fresh
    )
    return fresh


# --- Signing in ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SecondFactor:
    """What stands behind the password of a user name, looked up before the password is known to be right."""

    is_asked_for: bool
    code: codes.Code | None

    def passes(self, *, at: datetime) -> bool:
        return not self.is_asked_for or (self.code is not None and self.code.use_up(at=at))


def second_factor_of(username: str, typed: str | None, *, at: datetime) -> SecondFactor:
    """The same work for every user name, so that the time that it takes tells nothing."""
    admin = Admin(pk=0)
    with suppress(Admin.DoesNotExist):
        admin = Admin.objects.get_by_natural_key(username)
    return SecondFactor(admin.has_second_factor(), codes.find_code(admin.pk, typed, at=at) if typed else None)


def code_is_right(admin: Admin, typed: str, *, address: str | None, at: datetime) -> bool:
    """Use up a code after the password; guessing is counted with the guesses at passwords. Raises TooManyLoginAttempts."""
    guard = LoginGuard(admin.username, address, asks_for_code=True)
    guard.refuse_if_exhausted()
    code = codes.find_code(admin.pk, typed, at=at)
    if code is None or not code.use_up(at=at):
        guard.count_failure(password_was_right=True)
        return False
    return welcome(guard)


def key_is_right(admin: Admin, answer: str, *, host: str, state: State, address: str | None, at: datetime) -> bool:
    """Take a security key's answer after the password. Raises TooManyLoginAttempts."""
    guard = LoginGuard(admin.username, address)
    guard.refuse_if_exhausted()
    try:
        key, sign_count = proven_key(admin, answer, host, state)
    except SecurityKeyRefused:
        guard.count_failure()
        return False
    if not note_signature(key, sign_count, at=at):
        log.warning("a security key of %s counted backwards: is there a copy of it?", admin.username)
        guard.count_failure()
        return False
    return welcome(guard)


def note_signature(key: SecurityKey, sign_count: int, *, at: datetime) -> bool:
    """False when the key says that it signed no more often than before. Keys that do not count say 0 each time."""
    counts_up = Q(sign_count__lt=sign_count)
    never_counts = Q(sign_count=0) if sign_count == 0 else Q(pk__in=[])
    noted = SecurityKey.objects.filter(counts_up | never_counts, pk=key.pk)
    return bool(noted.update(sign_count=sign_count, last_used_at=at))


def welcome(guard: LoginGuard) -> bool:
    """What was right counts only within the limit, and then forgets the failures before it."""
    guard.refuse_if_exhausted()
    guard.forget_failures_of_pair()
    return True
