"""Webhooks by the Standard Webhooks rules, which receivers check as docs/webhooks.md describes."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from alerts.channels.transports.http import post
from alerts.channels.transports.outcome import Message, Outcome, Target
from common.instants import format_instant

SECRET_PREFIX = "whsec_"  # noqa: S105 - says what follows
SECRET_BYTES = 32


def new_signing_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@sensitive_variables()
def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`timestamp` in seconds of Unix time."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def body_of(message: Message, target: Target) -> bytes:
    """The same bytes at each attempt."""
    data: dict[str, Any] | None = {"channel": target.name} if message.type == "test" else message.incident
    assert data is not None, "webhooks get each message, not summaries"
    content = {"type": message.type, "timestamp": format_instant(message.at), "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


@sensitive_variables()
def send(message: Message, target: Target) -> Outcome:
    assert target.signing_secret is not None, "each webhook has a secret"
    body, timestamp = body_of(message, target), int(timezone.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": str(message.id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(target.signing_secret, str(message.id), timestamp, body),
    }
    return post(target.address, body, headers, allow_private=settings.ALERT_ALLOW_PRIVATE_ADDRESSES)
