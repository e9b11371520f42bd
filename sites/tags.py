"""How the names of tags are written: in lower case, so that a tag has one spelling, and without commas, which separate them."""

import unicodedata
from collections.abc import Iterable

from django.core.exceptions import ValidationError

from common.errors import InvalidInput
from common.values import clean_text, refuse_excess, without_invisible_ends
from sites.limits import MAX_TAG_LENGTH, MAX_TAGS_LENGTH


def normalized(text: str) -> str:
    """With single spaces, in lower case, without invisible characters around it."""
    return unicodedata.normalize("NFC", " ".join(without_invisible_ends(text).split()).lower())


def clean_tag(text: str) -> str:
    """The tag as it is stored. Raises ValidationError."""
    name = normalized(clean_text(text, max_length=None))
    if "," in name:
        raise ValidationError("A tag cannot contain a comma.", code="comma")
    return clean_text(name, max_length=MAX_TAG_LENGTH)


def split_tags(text: str) -> list[str]:
    """The tags of a text like "Pilot, north", each once. Raises ValidationError."""
    refuse_excess(text, MAX_TAGS_LENGTH)
    return list(dict.fromkeys(clean_tag(part) for part in text.split(",") if part.strip()))


def checked_tags(names: Iterable[str]) -> list[str]:
    """As they are stored, each once. Raises InvalidInput."""
    try:
        return list(dict.fromkeys(map(clean_tag, names)))
    except ValidationError as error:
        raise InvalidInput(error.messages[0], field="tags") from error
