"""The slugs of organizations: how they are written, and the one that a name gives."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import count
from typing import Any

from django.core.exceptions import ValidationError

from common.values import clean_text
from sites.limits import MAX_SLUG_LENGTH

# A regular expression of Python and of ECMA 262. A hyphen at the beginning would look like a formula in a spreadsheet.
SLUG = "[a-z0-9][a-z0-9-]*"
NAMELESS = "organization"
ROOM_FOR_NUMBER = 8


def clean_slug(value: Any) -> str:
    """Raises ValidationError."""
    text = clean_text(value, max_length=MAX_SLUG_LENGTH)
    if not re.fullmatch(SLUG, text):
        raise ValidationError(
            "Only the letters a to z, digits and hyphens are allowed, and no hyphen at the beginning.", code="invalid"
        )
    return text


def slug_of(name: str) -> str:
    """The name in lower case without accents, with hyphens for everything but letters and digits."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = re.sub("[^a-z0-9]+", "-", plain).strip("-")
    return words[: MAX_SLUG_LENGTH - ROOM_FOR_NUMBER].strip("-") or NAMELESS


def free_slugs(name: str, taken: Collection[str]) -> Iterator[str]:
    """The slug of the name if it is not taken, then the same with the numbers from 2 on that are free."""
    slug = slug_of(name)
    candidates = (slug if number == 1 else f"{slug}-{number}" for number in count(1))
    return (candidate for candidate in candidates if candidate not in taken)
