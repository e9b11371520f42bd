from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.login_guard import LoginGuard
from accounts.models import Admin


class GuardedBackend(ModelBackend):
    """The one place where a password is checked: the admin's login form and the API both end here."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Admin | None:
        """The admin, or None. Raises TooManyLoginAttempts."""
        if username is None or password is None:
            return None
        username = Admin.normalize_username(username)
        guard = LoginGuard(username, getattr(request, "client_address", None))
        guard.refuse_if_exhausted()
        admin = super().authenticate(request, username=username, password=password)
        if admin is None:
            guard.count_failure()
            return None
        guard.refuse_if_exhausted()
        guard.forget_failures_of_pair()
        assert isinstance(admin, Admin)
        return admin
