"""Multipart bodies whose file goes to the disk as it arrives."""

from collections.abc import Mapping, Sequence
from typing import IO, Any

from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError, ValidationError

# Django drops a part whose headers it cannot read, such as one with a name in Latin-1.
NO_FILE = "There is no part `file` that can be read. The name of the file must be in UTF-8."
LONGEST_END = 4 * 1024  # where the last boundary is looked for; a body may have some text after it


class WatchedStream:
    """Remembers how the body ends."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.end = b""

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.end = (self.end + data)[-LONGEST_END:] if len(data) < LONGEST_END else data[-LONGEST_END:]
        return data


class FormParser(MultiPartParser):
    """Takes a file whose name is only a path, such as `..`, under another name; Django drops it."""

    def sanitize_file_name(self, file_name: str) -> str:
        return super().sanitize_file_name(file_name) or "file"


def read_form(
    request: HttpRequest, stream: Any, media_type: str | None, handlers: Sequence[FileUploadHandler]
) -> Mapping[str, list[Any]]:
    """The texts and files of each name. `handlers` take the files.

    Raises ParseError for a body that cannot be read or ends early, and the errors by which Django refuses a body with too many
    or too long fields. The caller discards what the handlers have then.
    """
    watched = WatchedStream(stream)
    try:
        parser = FormParser({**request.META, "CONTENT_TYPE": media_type}, watched, list(handlers), "utf-8")
        texts, files = parser.parse()
    except MultiPartParserError as error:
        raise ParseError(f"The multipart body cannot be read: {error}") from error
    if f"--{parse_header_parameters(str(media_type))[1]['boundary']}--".encode() not in watched.end:
        # Django takes what has arrived for the whole file if the connection ends.
        raise ParseError("The body ended before its last boundary.")
    return {**dict(texts.lists()), **dict(files.lists())}


def only(name: str, values: Sequence[Any]) -> Any:
    """Raises ValidationError for a field that was given more than once."""
    if len(values) > 1:
        raise ValidationError({name: ["Given more than once."]})
    return values[0]
