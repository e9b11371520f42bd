"""A right password that is found while other guesses use up the limit tells nobody that it was right."""

from typing import Any

from django.conf import settings as configured
from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.login_guard import LoginGuard
from accounts.models import Admin
from accounts.tests.tokens import ADDRESS, login


class OvertakenHasher(MD5PasswordHasher):
    """So slow that as many guesses as there may be fail during the check, at the same address."""

    def verify(self, password: str, encoded: str) -> bool:
        guard = LoginGuard("anna", ADDRESS)
        for _ in range(configured.LOGIN_FAILURES_PER_PAIR):
            guard.count_failure()
        return super().verify(password, encoded)


def test_the_right_password_among_too_many_guesses_is_refused_like_the_others(settings: Any, anna: Admin) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.OvertakenHasher"]
    assert login("anna").status_code == 429
