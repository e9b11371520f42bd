"""A multipart body whose file goes to the disk as it arrives."""

from collections.abc import Mapping
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser

from common.api.multipart import only, read_form
from common.web.request_body import content_length, is_chunked
from fleet.firmware.files.incoming import IncomingFile

FILE = "file"
FIELDS = {FILE, "product", "version", "channel", "hardware", "notes", "min_from"}
PIECE_BYTES = 256 * 1024


class UploadedFirmware:
    """What a multipart body has as its file. `incoming` is finished."""

    def __init__(self, incoming: IncomingFile) -> None:
        self.incoming = incoming

    def close(self) -> None:
        """Django calls it if the body turns out to be malformed."""
        self.incoming.discard()


class ToIncomingFile(FileUploadHandler):
    """Takes the first part of the name `file` that is a file; others are read and forgotten."""

    chunk_size = PIECE_BYTES

    def __init__(self, *, expected_bytes: int) -> None:
        super().__init__()
        self.expected_bytes = expected_bytes
        self.incoming: IncomingFile | None = None

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        if field_name != FILE:
            raise SkipFile
        if self.incoming is not None:
            raise ValidationError({FILE: ["Given more than once."]})
        self.incoming = IncomingFile(expected_bytes=self.expected_bytes)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self.incoming is not None
        self.incoming.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFirmware:
        assert self.incoming is not None
        self.incoming.finish()
        return UploadedFirmware(self.incoming)

    def discard(self) -> None:
        if self.incoming is not None:
            self.incoming.discard()


class FirmwareUploadParser(BaseParser):
    """Gives those FIELDS of the form that are there, and as `file` an UploadedFirmware, which the caller closes in any case.

    Raises ParseError, ValidationError, FirmwareTooLarge, FirmwareStorageFull, FirmwareStorageUnavailable, and the errors by
    which Django refuses a body with too many or too long fields. Nothing is left on the disk then.
    """

    media_type = "multipart/form-data"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        request = (parser_context or {})["request"]._request
        handler = ToIncomingFile(expected_bytes=0 if is_chunked(request) else content_length(request))
        try:
            given = read_form(request, stream, media_type, [handler])
            return {name: only(name, values) for name, values in given.items() if name in FIELDS}
        except BaseException:
            handler.discard()
            raise
