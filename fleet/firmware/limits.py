"""The limits of the values of a firmware, used by serializers, services and tables."""

from fleet.devices.limits import MAX_HARDWARE_LENGTH, MAX_VERSION_LENGTH

PRODUCT = r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
MAX_PRODUCT_LENGTH = 64
MAX_NOTES_LENGTH = 10_000
MAX_FILE_NAME_LENGTH = 64
SHA256_LENGTH = 64  # in hexadecimal

__all__ = [
    "MAX_FILE_NAME_LENGTH",
    "MAX_HARDWARE_LENGTH",
    "MAX_NOTES_LENGTH",
    "MAX_PRODUCT_LENGTH",
    "MAX_VERSION_LENGTH",
    "PRODUCT",
    "SHA256_LENGTH",
]
