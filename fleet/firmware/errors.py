from common.errors import (
    Conflict,
    InsufficientStorage,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    TooLarge,
    Unavailable,
)


class FirmwareNotFound(NotFound):
    """The id is unknown or malformed, or no version fits what was asked for."""

    code = "firmware_not_found"
    title = "There is no such firmware"


class FirmwareInvalid(InvalidInput):
    title = "The firmware is invalid"


class FirmwareExists(Conflict):
    code = "firmware_exists"
    title = "The product has this version already"


class FirmwareChanged(PreconditionFailed):
    code = "firmware_changed_meanwhile"
    title = "The firmware was changed since you read it"


class FirmwareTooLarge(TooLarge):
    code = "body_too_large"
    title = "The file is too large"


class FirmwareStorageFull(InsufficientStorage):
    code = "firmware_storage_full"
    title = "The server has no room for the file"


class FirmwareStorageUnavailable(Unavailable):
    code = "firmware_storage_unavailable"
    title = "The storage of firmware does not answer"


class FirmwareFileMissing(NotFound):
    """The database was restored without the files, or somebody deleted the file."""

    code = "firmware_file_missing"
    title = "The file of this firmware is not in the storage"


class FirmwareWithdrawn(Conflict):
    code = "firmware_withdrawn"
    title = "The firmware was withdrawn"


class FirmwareOfOtherHardware(Conflict):
    code = "firmware_of_other_hardware"
    title = "The firmware is for other hardware than the device's"


class FirmwareNeedsNewerVersion(Conflict):
    code = "firmware_needs_newer_version"
    title = "The device runs a version from which this firmware cannot be installed"
