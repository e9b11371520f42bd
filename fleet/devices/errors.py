from common.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, PreconditionFailed


class DeviceNotFound(NotFound):
    """The id is unknown or malformed, or the device is retired: API clients cannot distinguish these."""

    code = "device_not_found"
    title = "There is no such device"


class DeviceExists(Conflict):
    code = "device_exists"
    title = "The location has a device of this id already"


class DeviceChanged(PreconditionFailed):
    code = "device_changed_meanwhile"
    title = "The device was changed since you read it"


class DeviceInvalid(InvalidInput):
    title = "The device is invalid"


class InvalidDeviceCredentials(NotAuthenticated):
    """The id or the key is wrong, malformed, expired or revoked, or the device is retired: one answer for all of these."""

    code = "invalid_device_credentials"
    title = "The id or the key of the device is not valid"
    challenge = 'DeviceKey realm="devices"'


class InvalidEnrolmentCode(NotAuthenticated):
    """The code is unknown, used up, revoked or expired, or of another location: one answer for all of these."""

    code = "invalid_enrolment_code"
    title = "The enrolment code is not valid"
    challenge = 'EnrolmentCode realm="devices"'


class EnrolmentCodeExists(Conflict):
    code = "enrolment_code_exists"
    title = "An enrolment code of this id was made already"
