"""Fingerprints of the secrets that a backup needs and does not contain.

They tell two secrets apart and reveal neither, as the ids of peppers do (`common.keys.pepper_id`). A restore compares them
with the settings, so that a wrong secret is found before a site or an admin finds it.
"""

import hmac

from django.conf import settings

FINGERPRINT_LENGTH = 16

# What does not work after a restore with another value. What SECRET_KEY and JWT_SIGNING_KEY sign ends at a restore anyway.
NEEDED = {
    "SITE_KEY_PEPPER": "every site would be refused with its key",
    "TWO_FACTOR_KEY": "no authenticator app and no recovery code would work",
    "ALERT_CHANNEL_SECRET": "no alert would reach a channel until its address is entered again",
    "LEASE_KEY_SECRET": "no lease could be signed until there is a new signing key, which no site knows",
}


def fingerprint(secret: str) -> str:
    return hmac.digest(secret.encode(), b"portcullis: fingerprint in a backup", "sha256").hex()[:FINGERPRINT_LENGTH]


def configured_fingerprints() -> dict[str, list[str]]:
    """Of each value of each needed secret; of all but the first also if they are derived from SECRET_KEY."""
    secrets = {
        "SITE_KEY_PEPPER": settings.SITE_KEY_PEPPERS,
        "TWO_FACTOR_KEY": settings.TWO_FACTOR_KEYS,
        "ALERT_CHANNEL_SECRET": settings.ALERT_CHANNEL_SECRETS,
        "LEASE_KEY_SECRET": settings.LEASE_KEY_SECRETS,
    }
    return {name: [fingerprint(value) for value in values] for name, values in secrets.items()}


def missing_secrets(in_backup: dict[str, list[str]]) -> list[str]:
    """A sentence for each secret of the backup that is not in the settings."""
    configured = configured_fingerprints()
    return [
        f"{name} lacks a value that it had when the backup was made: {consequence}."
        for name, consequence in NEEDED.items()
        if not set(in_backup.get(name, [])) <= set(configured[name])
    ]
