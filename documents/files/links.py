"""Links to the bytes of a file that work for five minutes without credentials, as for an `<img>` of a web page."""

import uuid
from datetime import datetime, timedelta

from django.core import signing
from django.urls import reverse

from documents.files.errors import FileLinkInvalid
from documents.models import SiteFile

LIFETIME = timedelta(minutes=5)
SALT = "documents.files.links"


def signed_path(file: SiteFile, *, at: datetime) -> str:
    path = reverse("site-file-content", args=[file.site_id, file.pk])
    return f"{path}?signature={sign(file.site_id, file.pk, at=at)}"


def sign(site_id: uuid.UUID, file_id: uuid.UUID, *, at: datetime) -> str:
    """`{end}:{signature}`, with the end in seconds since 1970."""
    end = str(int((at + LIFETIME).timestamp()))
    signed = signing.Signer(salt=SALT).signature(f"{site_id}/{file_id}/{end}")
    return f"{end}:{signed}"


def check_signature(given: str, *, site_id: uuid.UUID, file_id: uuid.UUID, at: datetime) -> None:
    """Raises FileLinkInvalid. Whether the file is still there is another question."""
    end, _, signature = given.partition(":")
    try:
        signing.Signer(salt=SALT).unsign(f"{site_id}/{file_id}/{end}:{signature}")
    except signing.BadSignature as error:
        raise FileLinkInvalid from error
    if int(end) < at.timestamp():
        raise FileLinkInvalid
