"""What a user name may be, and which e-mail addresses can become one."""

import re
from typing import Any

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible

from common.values import clean_email

MAX_USERNAME_LENGTH = 150
# What such an address consists of. Other letters can look like these, and change their number when they are folded.
PLAIN_ADDRESS = re.compile(r"[a-z0-9_.+'@-]+", re.ASCII)


@deconstructible
class UsernameValidator(UnicodeUsernameValidator):
    """As Django's, with the apostrophe, which addresses of people have."""

    regex = r"^[\w.@+'-]+\Z"
    message = "Enter a valid user name: only letters, digits, and . @ + - _ ' are allowed."


def username_of_email(email: Any) -> str:
    """An address in lower case, as requests for access have it and as it becomes a user name. Raises ValidationError."""
    folded = clean_email(email, max_length=MAX_USERNAME_LENGTH).lower()
    if not PLAIN_ADDRESS.fullmatch(folded):
        allowed = "Only the letters A to Z, digits, and . @ + - _ ' are allowed."
        raise ValidationError(f"{allowed} Write a domain with other letters as xn--…", code="invalid")
    return folded
