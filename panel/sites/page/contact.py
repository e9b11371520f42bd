"""The block below the state of a site: whom to call, and what identifies the site and its keys."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sites.models import Site, SiteKey
from sites.services import digits_of

MOST_DIGITS = 15  # of a telephone number (ITU-T E.164)


def contact_facts(site: Site, keys: Iterable[SiteKey], *, at: datetime) -> dict[str, Any]:
    """The links are empty if they would not work. `keys_in_use` are those that work, the newest first."""
    is_erased = site.erased_at is not None
    return {
        "email_link": "" if is_erased else email_link(site.contact_email),
        "phone_link": phone_link(site.contact_phone) if site.contact_phone else "",
        "keys_in_use": [
            key for key in keys if key.revoked_at is None and (key.expires_at is None or key.expires_at > at)
        ],
    }


def email_link(address: str) -> str:
    """As a `mailto:` URI. An address may contain a question mark, which would begin its headers."""
    return "mailto:" + quote(address, safe="@")


def phone_link(phone: str) -> str:
    """As a `tel:` URI (RFC 3966); empty if there are more digits than a number has. Then they are two numbers.

    A "(0)" in an international number is dialled within the country only.
    """
    is_international = "+" in re.split("[0-9]", phone)[0]
    digits = digits_of(phone.replace("(0)", "") if is_international else phone)
    if len(digits) > MOST_DIGITS:
        return ""
    return f"tel:+{digits}" if is_international else f"tel:{digits}"
