"""Rules about text that forms, the API and imports share."""

import unicodedata


def has_control_characters(text: str, *, but: str = "") -> bool:
    """Whether the text has a control character that is not one of `but`."""
    return any(unicodedata.category(character) == "Cc" and character not in but for character in text)
