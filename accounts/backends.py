from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone

from accounts.login_guard import LoginGuard
from accounts.models import Admin
from accounts.two_factor.verification import find_second_factor

# Passed as `otp` by the panel, which asks for the second factor on the next page.
ASKED_LATER = object()


class GuardedBackend(ModelBackend):
    """Checks passwords for the panel's sign-in page and for the API."""

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
        username = Admin.normalize_username(username)
        guard = LoginGuard(username, getattr(request, "client_address", None), asks_for_code=otp is not ASKED_LATER)
        guard.refuse_if_exhausted()
        now = timezone.now()
        factor = find_second_factor(username, None if otp is ASKED_LATER else otp, at=now)
        admin = super().authenticate(request, username=username, password=password)
        if admin is None or not (otp is ASKED_LATER or factor.passes(at=now)):
            guard.count_failure(password_was_right=admin is not None)
            return None
        guard.refuse_if_exhausted()
        # An admin who has yet to give a second factor has not signed in: a known password must not buy new guesses at codes.
        if not (otp is ASKED_LATER and factor.is_required):
            guard.forget_failures_of_pair()
        assert isinstance(admin, Admin)
        return admin
