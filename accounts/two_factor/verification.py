"""Checking a second factor at the sign-in in the panel. Failures are counted together with wrong passwords."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from accounts import services
from accounts.errors import SecurityKeyRefused
from accounts.login_guard import LoginGuard
from accounts.models import Admin, SecurityKey, SignInAttempt
from accounts.two_factor import codes
from accounts.two_factor.security_keys import State, verified_key

log = logging.getLogger("portcullis.accounts")


@dataclass(frozen=True)
class SecondFactor:
    """The second factor of a user name and the code that was typed, before the password is known to be right."""

    admin: Admin | None
    is_required: bool
    code: codes.Code | None

    def passes(self, *, at: datetime) -> bool:
        return not self.is_required or (self.code is not None and self.code.use_up(at=at))


def find_second_factor(username: str, typed: str | None, *, at: datetime) -> SecondFactor:
    """It does the same work for every user name, so that the time taken reveals nothing."""
    admin = Admin(pk=0)
    with suppress(Admin.DoesNotExist):
        admin = Admin.objects.get_by_natural_key(username)
    code = codes.find_code(admin.pk, typed, at=at) if typed else None
    return SecondFactor(admin if admin.pk else None, admin.has_second_factor(), code)


def check_code(admin: Admin, typed: str, *, address: str | None, at: datetime, with_google: bool = False) -> bool:
    """Check and use up a code after a right password or Google account. Raises TooManyLoginAttempts."""
    guard = LoginGuard(admin.username, address, asks_for_code=True)
    guard.refuse_if_exhausted()
    code = codes.find_code(admin.pk, typed, at=at)
    if code is None or not code.use_up(at=at):
        record_failure(admin, with_google=with_google, address=address, at=at)
        guard.count_failure(password_was_right=True)
        return False
    guard.count_success()
    return True


def check_security_key(
    admin: Admin, answer: str, *, host: str, state: State, address: str | None, at: datetime, with_google: bool = False
) -> bool:
    """Check a security key's answer after a right password or Google account. Raises TooManyLoginAttempts."""
    guard = LoginGuard(admin.username, address)
    guard.refuse_if_exhausted()
    try:
        key, sign_count = verified_key(admin, answer, host, state)
    except SecurityKeyRefused:
        record_failure(admin, with_google=with_google, address=address, at=at)
        guard.count_failure()
        return False
    if not record_signature(key, sign_count, at=at):
        log.warning("the counter of a security key of %s went backwards: the key may have been copied", admin.username)
        record_failure(admin, with_google=with_google, address=address, at=at)
        guard.count_failure()
        return False
    guard.count_success()
    return True


def record_failure(admin: Admin, *, address: str | None, at: datetime, with_google: bool) -> None:
    facts: dict[str, Any] = {"source": SignInAttempt.Source.PANEL, "address": address, "at": at}
    outcome = SignInAttempt.Outcome.WRONG_CODE
    services.record_failure(outcome, username=admin.username, admin=admin, with_google=with_google, **facts)


def record_signature(key: SecurityKey, sign_count: int, *, at: datetime) -> bool:
    """Store the key's counter; False if it did not increase. Keys without a counter send 0 each time."""
    counts_up = Q(sign_count__lt=sign_count)
    never_counts = Q(sign_count=0) if sign_count == 0 else Q(pk__in=[])
    matching = SecurityKey.objects.filter(counts_up | never_counts, pk=key.pk)
    return bool(matching.update(sign_count=sign_count, last_used_at=at))
