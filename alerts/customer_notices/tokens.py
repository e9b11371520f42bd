"""The links with which restaurants unsubscribe: signed, without an end, and without the address itself."""

import uuid
from hashlib import sha256
from typing import NamedTuple

from django.core import signing

from alerts.errors import UnsubscribeLinkInvalid
from common.web.links import public_link
from sites.models import Site

SALT = "alerts.customer_notices"
# Logs leave out what follows it, see common/logs.py.
PREFIX = "pus_"


class Subscriber(NamedTuple):
    """An address, of which only a digest is known, and the site that it gets notices about."""

    site_id: uuid.UUID
    address_digest: str


def digest_of(site_id: uuid.UUID, address: str) -> str:
    """It must outlive SECRET_KEY, so that it has no key: the site's id makes it differ from site to site."""
    return sha256(f"{site_id}:{address.casefold()}".encode()).hexdigest()


def subscriber_of(site: Site) -> Subscriber:
    return Subscriber(site.pk, digest_of(site.pk, site.contact_email))


def token_of(subscriber: Subscriber) -> str:
    return PREFIX + signing.dumps([subscriber.site_id.hex, subscriber.address_digest], salt=SALT)


def read_token(token: str) -> Subscriber:
    """Raises UnsubscribeLinkInvalid."""
    try:
        site_id, digest = signing.loads(token.removeprefix(PREFIX), salt=SALT)
    except signing.BadSignature as error:
        raise UnsubscribeLinkInvalid from error
    return Subscriber(uuid.UUID(site_id), digest)


def unsubscribe_url(site: Site) -> str:
    return public_link("unsubscribe", token_of(subscriber_of(site)))
