"""Addresses and signing secrets of channels at rest; see `common.sealing`."""

import uuid

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from common.sealing import seal, unseal

ADDRESS, SIGNING_SECRET = "address of a channel", "signing secret of a channel"


@sensitive_variables()
def sealed(text: str, *, purpose: str, channel_id: uuid.UUID) -> bytes:
    return seal(text.encode(), secret=settings.ALERT_CHANNEL_SECRETS[0], purpose=purpose, owner=str(channel_id))


@sensitive_variables()
def opened(content: bytes | memoryview, *, purpose: str, channel_id: uuid.UUID) -> str:
    """Raises `common.sealing.OpeningFailed`, if the secret is not configured any more."""
    secrets = settings.ALERT_CHANNEL_SECRETS
    return unseal(bytes(content), secrets=secrets, purpose=purpose, owner=str(channel_id)).decode()
