"""A file while it arrives: its bytes go to a temporary file as they come, which is gone when it is closed."""

from contextlib import suppress
from typing import Any, cast

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from documents.files.errors import FileInvalid, FileTooLarge
from documents.files.folder import temporary_disk_errors

FILE = "file"


class IncomingFileHandler(TemporaryFileUploadHandler):
    """Takes the one part of the name `file` that is a file; others are read and forgotten.

    Raises FileTooLarge as soon as there are more than FILE_MAX_BYTES, FileInvalid for a second file, FileStorageFull and
    FileStorageUnavailable.
    """

    chunk_size = 256 * 1024

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.has_file = False
        # Not SkipFile for other names: Django then closes the file that has arrived before.
        self.is_wanted = False

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        self.is_wanted = field_name == FILE
        if not self.is_wanted:
            return
        if self.has_file:
            raise FileInvalid("Give one file at a time.", field=FILE)
        self.has_file = True
        with temporary_disk_errors():
            super().new_file(field_name, *args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if not self.is_wanted:
            return
        if start + len(raw_data) > settings.FILE_MAX_BYTES:
            raise FileTooLarge(f"The file may have {settings.FILE_MAX_BYTES} bytes at most.")
        with temporary_disk_errors():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> TemporaryUploadedFile | None:
        if not self.is_wanted:
            return None
        with temporary_disk_errors():
            return cast(TemporaryUploadedFile, super().file_complete(file_size))

    def upload_interrupted(self) -> None:
        """Nothing: the part that is cut off may be another one than the file, which `discard` closes in any case."""

    def discard(self) -> None:
        """Of an upload that is refused."""
        incoming: TemporaryUploadedFile | None = getattr(self, "file", None)
        if incoming is not None:
            with suppress(OSError):  # bytes that a full disk did not take; closing tries again
                incoming.close()
