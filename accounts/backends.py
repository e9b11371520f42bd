from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone

from accounts.login_guard import LoginGuard
from accounts.models import Admin
from accounts.models import AttemptOutcome as Outcome
from accounts.models import AttemptSource as Source
from accounts.services import record_attempt, record_failure
from accounts.two_factor.verification import SecondFactor, find_second_factor

# Passed as `otp` by the panel, which asks for the second factor on the next page.
ASKED_LATER = object()


class GuardedBackend(ModelBackend):
    """Checks passwords for the panel's sign-in page and for the API; finds the admin of a session of the panel."""

    def get_user(self, user_id: int) -> Admin | None:
        """With their preferences, which every page of the panel reads: one query finds both."""
        admin = Admin.objects.select_related("preferences").filter(pk=user_id).first()
        return admin if admin and self.user_can_authenticate(admin) else None

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        otp: Any = None,
        **kwargs: Any,
    ) -> Admin | None:
        """The admin, or None. `otp` is a code, None for no code, or ASKED_LATER. Raises TooManyLoginAttempts."""
        if username is None or password is None:
            return None
        typed, username = username, Admin.normalize_username(username)
        guard = LoginGuard(username, getattr(request, "client_address", None), asks_for_code=otp is not ASKED_LATER)
        guard.refuse_if_exhausted()
        now = timezone.now()
        factor = find_second_factor(username, None if otp is ASKED_LATER else otp, at=now)
        admin = super().authenticate(request, username=username, password=password)
        attempt: dict[str, Any] = {
            "username": typed,
            "source": Source.PANEL if otp is ASKED_LATER else Source.API,
            "address": guard.address,
            "at": now,
        }
        if admin is None or not (otp is ASKED_LATER or factor.passes(at=now)):
            outcome = failed_outcome(factor, password_was_right=admin is not None, code_was_given=bool(otp))
            record_failure(outcome, admin=factor.admin, **attempt)
            guard.count_failure(password_was_right=admin is not None)
            return None
        guard.refuse_if_exhausted()
        if otp is ASKED_LATER and factor.is_required:
            record_attempt(Outcome.CODE_ASKED, admin=admin, **attempt)
        else:
            # Not before a second factor is given: a known password must not buy new guesses at codes.
            guard.forget_failures_of_pair()
        assert isinstance(admin, Admin)
        return admin


def failed_outcome(factor: SecondFactor, *, password_was_right: bool, code_was_given: bool) -> Outcome:
    if password_was_right:
        return Outcome.WRONG_CODE if code_was_given else Outcome.CODE_MISSING
    if factor.admin is None:
        return Outcome.UNKNOWN_NAME
    return Outcome.WRONG_PASSWORD if factor.admin.is_active else Outcome.DISABLED
