"""The answer with a file's bytes, for the API and the panel.

They come from this server's origin, so nothing in them may run there: the media type is one of ours, browsers may not guess
another, and a policy of its own forbids everything. Only pictures, which were encoded anew, are shown; the others are
downloads.
"""

from typing import Any

from csp.constants import HEADER
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse
from django.utils.http import content_disposition_header

from documents.files.content import TYPES
from documents.files.errors import FileNotFound
from documents.files.pictures import preview_of
from documents.models import SiteFile

POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


def file_answer(file: SiteFile) -> FileResponse:
    """Raises FileMissing, FileStorageUnavailable."""
    found = TYPES[file.content_type]
    headers = {
        "Content-Type": "text/plain; charset=utf-8" if found.media_type == "text/plain" else found.media_type,
        "Content-Length": str(file.size),
        "Content-Disposition": str(content_disposition_header(not found.picture_format, file.name)),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        HEADER: POLICY,
    }
    return SentFile(default_storage.open(file.stored_as), headers=headers)


def preview_answer(file: SiteFile) -> HttpResponse:
    """A small picture, which the browser may keep for an hour.

    Raises FileNotFound, FileInvalid, FileMissing, FileStorageUnavailable.
    """
    if not file.is_picture:
        raise FileNotFound
    with default_storage.open(file.stored_as) as opened:
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff", HEADER: POLICY}
        return HttpResponse(preview_of(opened), content_type="image/jpeg", headers=headers)


class SentFile(FileResponse):
    """Passes the file on in pieces."""

    block_size = 256 * 1024

    def set_headers(self, filelike: Any) -> None:
        """They are given."""
