"""The link to the restaurant's own page in a notice: a new one for each mail, because only its digest is stored."""

import uuid
from datetime import datetime

from alerts.models import NoticeTemplate
from audit.actors import SYSTEM
from common.web.links import public_link
from documents.shares.services import create_share_link
from documents.shares.tokens import generate_token

# From the first notice, 30 days before the end of the licence, to a month after it.
LINK_WORKS_FOR_DAYS = 60
NOTE = "in a licence notice"


def token_for(template: NoticeTemplate) -> str | None:
    """Of a link that is not stored yet: only a mail that was sent makes it valid. None if the words have no link."""
    return generate_token() if "{link}" in template.text else None


def address_of(token: str | None) -> str:
    return public_link("share-page", token) if token else ""


def store_link(site_id: uuid.UUID, token: str, *, at: datetime) -> None:
    create_share_link(site_id, token=token, note=NOTE, expires_in_days=LINK_WORKS_FOR_DAYS, by=SYSTEM, at=at)
