from common.errors import (
    Conflict,
    InsufficientStorage,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooLarge,
    Unavailable,
)


class FileNotFound(NotFound):
    """The id is unknown or malformed, the file was deleted, or it is another site's."""

    code = "file_not_found"
    title = "There is no such file"


class FileInvalid(InvalidInput):
    title = "The file is invalid"


class UnsupportedFileType(InvalidInput):
    code = "unsupported_file_type"
    title = "Files of this type are not accepted"


class FileRefused(InvalidInput):
    """By FILE_SCAN_COMMAND."""

    code = "file_refused"
    title = "The scan of files refused the file"


class FileTooLarge(TooLarge):
    title = "The file is too large"


class QuotaExceeded(Conflict):
    code = "quota_exceeded"
    title = "The site has no room for the file"


class FileLinkInvalid(NotAllowed):
    """The signature is not ours, is for another file, or has expired."""

    code = "file_link_invalid"
    title = "The link to the file is invalid or has expired"


class FileStorageFull(InsufficientStorage):
    code = "file_storage_full"
    title = "The server has no room for the file"


class FileStorageUnavailable(Unavailable):
    code = "file_storage_unavailable"
    title = "The storage of files does not answer"


class FileScanUnavailable(Unavailable):
    code = "file_scan_unavailable"
    title = "The scan of files does not answer"


class PicturesBusy(Unavailable):
    code = "pictures_busy"
    title = "The server is reading other pictures"


class FileMissing(NotFound):
    """The database was restored without the files, or somebody deleted the file from the storage."""

    code = "file_missing"
    title = "The file is not in the storage"
