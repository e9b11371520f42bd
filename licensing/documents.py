"""Signed documents without an end. Their key stays in the public set after it was retired, until no document needs it.

The app that keeps the documents tells when that is: this one knows none of them.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from licensing.errors import KeyFileInvalid, SigningKeyUnavailable
from licensing.jws import encoded_header, signed
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import locked_keys

log = logging.getLogger("portcullis.licensing")


@dataclass(frozen=True)
class SignedDocument:
    kid: str
    jws: str


@transaction.atomic
def sign_document(typ: str, claims: dict[str, Any], *, at: datetime) -> SignedDocument | None:
    """A compact JWS with those claims, `iss` and `iat`. None if no key signs, or the private half cannot be read.

    In the transaction that stores the document: until it ends, no key is changed.
    """
    key = locked_keys().signing().first()
    if key is None:
        return None
    try:
        private = signer(key.kid).private
    except (SigningKeyUnavailable, KeyFileInvalid) as error:
        log.error("a document (%s) is not signed: %s", typ, error)
        return None
    SigningKey.objects.filter(pk=key.pk, stays_listed=False).update(stays_listed=True)
    issued = {"iss": settings.LEASE_ISSUER, "iat": int(at.timestamp())}
    return SignedDocument(key.kid, signed(private, encoded_header(typ, key.kid), issued | claims))


@transaction.atomic
def keep_key_listed(kid: str, *, at: datetime) -> bool:
    """For a document that is valid again. False if its key has left the set: the document must be signed anew."""
    return bool(locked_keys().listed(at=at).filter(pk=kid).update(stays_listed=True))


@transaction.atomic
def release_key(kid: str, *, is_needed: Callable[[], bool]) -> None:
    """After a document became invalid: let its key leave the set in its time, unless another document needs it.

    `is_needed` is asked while no document can be signed.
    """
    keys = locked_keys()
    if not is_needed():
        keys.filter(pk=kid).update(stays_listed=False)
