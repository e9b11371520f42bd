"""The answer with a file's bytes, for the API and the panel.

They come from this server's origin, so nothing in them may run there: the media type is one of ours, browsers may not guess
another, and a policy of its own forbids everything. Only pictures, which were encoded anew, are shown; the others are
downloads.
"""

from typing import Any

from csp.constants import HEADER
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag

from documents.files.content import TYPES
from documents.files.errors import FileNotFound
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


def preview_answer(request: HttpRequest, file: SiteFile) -> HttpResponse:
    """The small JPEG of a picture. A browser asks each time whether it may still show the one that it has.

    Raises FileNotFound, FileMissing, FileStorageUnavailable.
    """
    if not file.is_picture:
        raise FileNotFound
    tag = quote_etag(file.sha256)
    answer: HttpResponse | None = get_conditional_response(request, etag=tag)
    if answer is None:
        with default_storage.open(file.preview_stored_as) as opened:
            answer = HttpResponse(opened.read(), content_type="image/jpeg")
    for name, value in {
        "Cache-Control": "private, no-cache",
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
        HEADER: POLICY,
    }.items():
        answer[name] = value
    return answer


class SentFile(FileResponse):
    """Passes the file on in pieces."""

    block_size = 256 * 1024

    def set_headers(self, filelike: Any) -> None:
        """They are given."""
