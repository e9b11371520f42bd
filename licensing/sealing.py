"""Private signing keys at rest; see `common.sealing`."""

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from common.sealing import OpeningFailed, seal, unseal

__all__ = ["OpeningFailed", "is_under_newest_secret", "opened", "sealed"]

PURPOSE = "private signing keys"


@sensitive_variables()
def sealed(private: bytes, *, kid: str) -> bytes:
    """Under the newest secret."""
    return seal(private, secret=settings.LEASE_KEY_SECRETS[0], purpose=PURPOSE, owner=kid)


@sensitive_variables()
def opened(content: bytes, *, kid: str) -> bytes:
    """Raises OpeningFailed."""
    return unseal(content, secrets=settings.LEASE_KEY_SECRETS, purpose=PURPOSE, owner=kid)


def is_under_newest_secret(content: bytes, *, kid: str) -> bool:
    try:
        unseal(content, secrets=settings.LEASE_KEY_SECRETS[:1], purpose=PURPOSE, owner=kid)
    except OpeningFailed:
        return False
    return True
