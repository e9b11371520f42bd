"""The events of a signing key."""

from django.db.models import TextChoices

from audit.services import Subject

SIGNING_KEY = "signing_key"


class SigningKeyAction(TextChoices):
    CREATED = "signing_key.created"
    ACTIVATED = "signing_key.activated"
    RETIRED = "signing_key.retired"


def signing_key_subject(kid: str) -> Subject:
    return Subject(SIGNING_KEY, kid, kid)
