"""Signing in with a Google account. Failures are counted and recorded as those with passwords are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts import services
from accounts.errors import AccessPending, AccessUnknown, InvalidCredentials
from accounts.google.authorization import Secrets, exchange_code
from accounts.google.identity import GoogleIdentity, read_id_token, refuse_if_off
from accounts.login_guard import LoginGuard
from accounts.models import AccessRequest, AccessRequestState, Admin, GoogleAccount
from accounts.models import AttemptOutcome as Outcome
from accounts.models import AttemptSource as Source
from accounts.two_factor.verification import find_second_factor


@dataclass(frozen=True)
class Attempt:
    """Where and when somebody tries to sign in. `source` is one of AttemptSource."""

    source: str
    address: str | None
    at: datetime

    def record_failure(self, outcome: Outcome, *, username: str = "", admin: Admin | None = None) -> None:
        facts: dict[str, Any] = {"source": self.source, "address": self.address, "at": self.at}
        services.record_failure(outcome, username=username, admin=admin, with_google=True, **facts)

    def record_success(self, admin: Admin) -> None:
        facts: dict[str, Any] = {"source": self.source, "address": self.address, "at": self.at}
        services.finish_sign_in(admin, username=admin.username, with_google=True, **facts)


def sign_in_with_google(id_token: str, *, otp: str | None, address: str | None, at: datetime) -> Admin:
    """The admin of an ID token, for the API.

    Raises InvalidCredentials, also for a missing or wrong `otp` of an admin with a second factor; AccessPending and
    AccessUnknown; TooManyLoginAttempts, GoogleUnavailable and GoogleSignInOff.
    """
    attempt = Attempt(Source.API, address, at)
    admin = find_google_admin(identify(id_token, attempt), attempt)
    guard = LoginGuard(admin.username, address, asks_for_code=True)
    guard.refuse_if_exhausted()
    if not find_second_factor(admin.username, otp, at=at).passes(at=at):
        attempt.record_failure(
            Outcome.WRONG_CODE if otp else Outcome.CODE_MISSING, username=admin.username, admin=admin
        )
        guard.count_failure(password_was_right=True)
        raise InvalidCredentials
    guard.refuse_if_exhausted()
    guard.forget_failures_of_pair()
    attempt.record_success(admin)
    return admin


def identify(id_token: str, attempt: Attempt) -> GoogleIdentity:
    """As `read_id_token`, within the limits of the address. Raises TooManyLoginAttempts, too."""
    with within_limits(attempt):
        return read_id_token(id_token, at=attempt.at)


def identify_by_code(code: str, made: Secrets, attempt: Attempt, *, redirect_uri: str) -> GoogleIdentity:
    """As `exchange_code` and `read_id_token`, within the limits of the address. Raises TooManyLoginAttempts, too."""
    with within_limits(attempt):
        id_token = exchange_code(code, made, redirect_uri=redirect_uri)
        return read_id_token(id_token, at=attempt.at, nonce=made.nonce)


@contextmanager
def within_limits(attempt: Attempt) -> Iterator[None]:
    """Count what Google or its signature refuses. A blocked address asks Google nothing."""
    refuse_if_off()
    LoginGuard(None, attempt.address).refuse_if_exhausted()
    try:
        yield
    except InvalidCredentials:
        count_invalid_token(attempt)
        raise


def count_invalid_token(attempt: Attempt) -> None:
    """Or an invalid code. It says nothing reliable, not even a name. Raises TooManyLoginAttempts."""
    attempt.record_failure(Outcome.WRONG_TOKEN)
    LoginGuard(None, attempt.address).count_failure()


def find_google_admin(identity: GoogleIdentity, attempt: Attempt) -> Admin:
    """The admin who is linked to it. Raises AccessPending, AccessUnknown, and InvalidCredentials for a disabled admin.

    A stranger's genuine Google account guesses nothing, so it does not count towards the limits.
    """
    account = GoogleAccount.objects.select_related("admin").filter(subject=identity.subject).first()
    if account is None:
        attempt.record_failure(Outcome.UNKNOWN_GOOGLE, username=identity.email)
        raise AccessPending if is_request_waiting(identity) else AccessUnknown
    if not account.admin.is_active:
        attempt.record_failure(Outcome.DISABLED, username=account.admin.username, admin=account.admin)
        raise InvalidCredentials
    return account.admin


def is_request_waiting(identity: GoogleIdentity) -> bool:
    waiting = AccessRequest.objects.filter(google_subject=identity.subject, state=AccessRequestState.WAITING)
    return waiting.exists()
