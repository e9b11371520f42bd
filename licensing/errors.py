from common.errors import Conflict, NotFound, Unavailable


class SigningKeyNotFound(NotFound):
    code = "signing_key_not_found"
    title = "There is no such signing key"


class SigningKeyRetired(Conflict):
    code = "signing_key_retired"
    title = "The key is retired: its private half is deleted, and it cannot sign again"


class SigningKeyWaits(Conflict):
    code = "signing_key_waits"
    title = "The key is too new to sign"


class NoSuccessor(Conflict):
    code = "signing_key_without_successor"
    title = "There must always be a signing key, and no other one can take over"


class SigningKeyUnavailable(Unavailable):
    """The private half cannot be read: LEASE_KEY_SECRET or LEASE_KEY_FILE is another one than when the key was made."""

    code = "signing_key_unavailable"
    title = "The private half of the signing key cannot be read"


class KeyFileInvalid(Conflict):
    code = "lease_key_file_invalid"
    title = "LEASE_KEY_FILE cannot be used"
