"""A verifier of Portcullis' webhooks for Python 3.10 and later, without other packages. docs/webhooks.md explains it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

TOLERANCE_SECONDS = 300


class WebhookRefused(Exception):
    """Answer 400 and do nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class WebhookRepeated(WebhookRefused):
    """A message that you have handled already. Do nothing, and answer 200, so that it is not sent again."""


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Iterable[str],
    is_new: Callable[[str], bool],
    now: float | None = None,
) -> dict[str, Any]:
    """The message {type, timestamp, data}. Raises WebhookRefused, WebhookRepeated.

    `body` is what was received, byte for byte. `secrets` are those that may have signed: two, while you change from one to the
    other. `is_new` stores a message's id and says whether it was not there before; it is called for true messages only.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp, signatures = (lower[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError:
        raise WebhookRefused("missing_header") from None
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise WebhookRefused("malformed_timestamp")
    age = (time.time() if now is None else now) - int(timestamp)
    if age > TOLERANCE_SECONDS:
        raise WebhookRefused("too_old")
    if age < -TOLERANCE_SECONDS:
        raise WebhookRefused("too_new")
    signed = f"{message_id}.{timestamp}.".encode() + body
    if not any(is_signed(signed, signatures, secret) for secret in secrets):
        raise WebhookRefused("wrong_signature")
    if not is_new(message_id):
        raise WebhookRepeated("repeated")
    message: dict[str, Any] = json.loads(body)
    return message


def is_signed(signed: bytes, signatures: str, secret: str) -> bool:
    """Whether one of the signatures, which spaces separate, is of version 1 and made with the secret."""
    key = base64.b64decode(secret[len("whsec_") :] if secret.startswith("whsec_") else secret)
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return any(hmac.compare_digest(expected, signature.encode()) for signature in signatures.split())
