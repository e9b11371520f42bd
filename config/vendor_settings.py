"""Who the vendor is, in the words that restaurants read."""

import re
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured

from common.values import PHONE
from config import environment as env


class Contact(NamedTuple):
    """As in "call +39 06 5550 123", with a link for a phone."""

    verb: str
    text: str
    url: str


def contact() -> Contact | None:
    """VENDOR_CONTACT: a phone number, an e-mail address or a page. None if it is not set."""
    value = env.text("VENDOR_CONTACT", "").strip()
    if not value:
        return None
    if re.fullmatch(PHONE, value):
        return Contact("call", value, "tel:" + re.sub(r"[^0-9+]", "", value))
    if re.fullmatch(r"[^@\s/:?&]+@[^@\s/:?&]+", value):
        return Contact("write to", value, f"mailto:{value}")
    if re.fullmatch(r"https://[^\s/@]+(/\S*)?", value):
        return Contact("see", value.removeprefix("https://"), value)
    raise ImproperlyConfigured(
        "VENDOR_CONTACT must be a phone number, an e-mail address, or a page whose address begins with https://."
    )
