"""The record of sign-ins that succeeded and failed. It is bounded, so that a flood of attempts does not fill the table."""

import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from accounts.counters import sign_in_counters
from accounts.events import AdminAction, record_admin_event
from accounts.metrics import SIGN_INS
from accounts.models import Admin, GoogleAccount, SignInAttempt
from accounts.required_steps import required_step
from accounts.usernames import UsernameValidator
from audit.actors import acting_system
from common.metrics import count
from common.web.client_address import address_bucket

# Right and wrong passwords are counted apart: a flood of wrong ones must not hide a right one.
PER_ADDRESS_AND_MINUTE = 20
PER_MINUTE = 200
NOT_A_NAME = "(not a user name)"
Outcome, Source = SignInAttempt.Outcome, SignInAttempt.Source

log = logging.getLogger("portcullis.accounts")


def record_attempt(
    outcome: str,
    *,
    username: str,
    admin: Admin | None,
    source: str,
    address: str | None,
    at: datetime,
    with_google: bool = False,
) -> None:
    """Count it, and add a row unless there were too many in this minute.

    `username` is as typed; `admin` is its admin, if there is one.
    """
    count(SIGN_INS, str(source), str(outcome))
    if is_within_limits(address, password_was_right=outcome in SignInAttempt.RIGHT_FIRST_FACTOR):
        SignInAttempt.objects.create(
            at=at,
            username=recordable(username),
            admin=admin,
            source=source,
            address=address,
            outcome=outcome,
            with_google=with_google,
        )


def is_within_limits(address: str | None, *, password_was_right: bool) -> bool:
    counters = sign_in_counters()
    kind = "right" if password_was_right else "wrong"
    limits = {
        f"attempts:{kind}:{address_bucket(address)}": PER_ADDRESS_AND_MINUTE,
        f"attempts:{kind}": PER_MINUTE,
    }
    return all(counters.count(counter, timeout=60) <= limit for counter, limit in limits.items())


def recordable(typed: str) -> str:
    """What cannot be a user name may be a password in the wrong field, so it is not stored."""
    try:
        UsernameValidator()(typed)
    except ValidationError:
        return NOT_A_NAME
    return typed[: SignInAttempt.MAX_NAME_LENGTH]


def record_failure(
    outcome: str,
    *,
    username: str,
    admin: Admin | None,
    source: str,
    address: str | None,
    at: datetime,
    with_google: bool = False,
) -> None:
    """Record a failure, and count a wrong second factor after the right password or Google account for its admin.

    The count that reaches LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD is an event: `finish_sign_in` then demands a new password. An
    admin without one has no such event. Every kind of failure runs the same statements and one commit, so that the time taken
    reveals neither a right password nor a user name.
    """
    is_guess, limit = outcome == Outcome.WRONG_CODE, settings.LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD
    first_factor = "Google account" if with_google else "password"
    person = Admin.objects.filter(pk=admin.pk if admin else 0)
    with transaction.atomic():
        attempt: dict[str, Any] = {"username": username, "admin": admin, "source": source, "address": address, "at": at}
        record_attempt(outcome, **attempt, with_google=with_google)
        person.update(wrong_codes=F("wrong_codes") + int(is_guess))
        wrong_codes = person.values_list("wrong_codes", flat=True).first()
        if admin and is_guess and wrong_codes == limit and admin.has_usable_password():
            reason = f"The right {first_factor} was given with a wrong code {limit} times"
            action, by = AdminAction.PASSWORD_CHANGE_REQUIRED, acting_system(address)
            record_admin_event(action, admin, by=by, at=at, reason=reason)
    if is_guess:
        log.warning("%s gave the right %s and a wrong second factor", username, first_factor)


def finish_sign_in(
    admin: Admin, *, username: str, source: str, address: str | None, at: datetime, with_google: bool = False
) -> int:
    """Record that all that was asked for was right, and return how many wrong codes there were since the last sign-in.

    If there were too many, `admin` must change the password from now on, if there is one.
    """
    with transaction.atomic():
        locked = Admin.objects.select_for_update(no_key=True).get(pk=admin.pk)
        wrong_codes = locked.wrong_codes
        if wrong_codes:
            locked.wrong_codes = 0
            if locked.has_usable_password():
                locked.must_change_password |= wrong_codes >= settings.LOGIN_CODE_FAILURES_BEFORE_NEW_PASSWORD
            locked.save(update_fields=["wrong_codes", "must_change_password"])
            admin.must_change_password = locked.must_change_password
    if with_google:
        GoogleAccount.objects.filter(admin=admin).update(last_used_at=at)
    is_held_up = source == Source.API and required_step(admin, at=at)
    outcome = Outcome.STEP_REQUIRED if is_held_up else Outcome.SIGNED_IN
    attempt: dict[str, Any] = {"username": username, "admin": admin, "source": source, "address": address, "at": at}
    record_attempt(outcome, **attempt, with_google=with_google)
    return wrong_codes
