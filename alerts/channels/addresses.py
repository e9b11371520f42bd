"""Addresses of channels: how they are checked when they are saved, and how they are shown."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from alerts.channels.public_addresses import AddressRefused, HostUnknown, allowed_addresses
from alerts.channels.urls import MAX_URL_LENGTH, InvalidUrl, read_url
from common.values import clean_email, clean_text

MAX_EMAIL_LENGTH = 254
# PagerDuty's own have 32 letters and digits; other services that take its events have others.
ROUTING_KEY = re.compile(r"[0-9A-Za-z_-]{8,128}", re.ASCII)
SHOWN_CHARACTERS = 4


def clean_address(kind: str, value: Any) -> str:
    """The address as it is stored, for a channel of that kind: email, slack, pagerduty or webhook. Raises ValidationError.

    Asks the resolver for the host of a URL.
    """
    if kind == "email":
        return clean_email(value, max_length=MAX_EMAIL_LENGTH)
    text = clean_text(value, max_length=MAX_URL_LENGTH)
    if kind == "pagerduty":
        if not ROUTING_KEY.fullmatch(text):
            raise ValidationError(
                "A routing key (integration key) has 8 to 128 letters, digits, - and _.", code="routing_key"
            )
        return text
    return clean_url(text)


def clean_url(text: str) -> str:
    try:
        url = read_url(text)
        allowed_addresses(url.host, url.port, allow_private=settings.ALERT_ALLOW_PRIVATE_ADDRESSES)
    except InvalidUrl as error:
        raise ValidationError(str(error), code="url") from error
    except AddressRefused as error:
        message = "The host of the URL has an address that is not public."
        raise ValidationError(message, code="not_public") from error
    except HostUnknown:
        # Perhaps only now and here. It is checked again when it is connected to, and a test of the channel says what is wrong.
        pass
    return str(url)


def shortened(kind: str, address: str) -> str:
    """The address as the API and the panel show it, without its secret part."""
    if kind == "email":
        return address
    if kind == "pagerduty":
        return shown_end(address)
    parts = urlsplit(address)
    origin = f"{parts.scheme}://{parts.netloc}"
    if kind == "slack":
        secret = address.removeprefix(origin).strip("/")
        return f"{origin}/{shown_end(secret)}"
    return f"{origin}{parts.path}{'?…' if parts.query else ''}"


def shown_end(secret: str) -> str:
    """The last characters of a secret, by which people tell two apart; none of a short one."""
    return f"…{secret[-SHOWN_CHARACTERS:] if len(secret) >= 4 * SHOWN_CHARACTERS else ''}"
