"""Reads the multipart body of an upload."""

from collections.abc import Mapping
from typing import Any

from rest_framework.parsers import BaseParser

from common.api.multipart import only, read_form
from documents.files.incoming import FILE, IncomingFileHandler

FIELDS = {FILE, "kind"}


class FileUploadParser(BaseParser):
    """Gives those FIELDS of the form that are there; the caller closes the file in any case.

    Raises ParseError, ValidationError, FileTooLarge, FileInvalid. Nothing is left on the disk then.
    """

    media_type = "multipart/form-data"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        request = (parser_context or {})["request"]._request
        handler = IncomingFileHandler(request)
        try:
            given = read_form(request, stream, media_type, [handler])
            return {name: only(name, values) for name, values in given.items() if name in FIELDS}
        except BaseException:
            handler.discard()
            raise
