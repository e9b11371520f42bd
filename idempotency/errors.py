from common.errors import Conflict, InvalidInput


class IdempotencyKeyReused(Conflict):
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used with another body"


class IdempotencyKeyInUse(Conflict):
    code = "idempotency_key_in_use"
    title = "The first request with this Idempotency-Key is still under way"


class InvalidIdempotencyKey(InvalidInput):
    code = "invalid_idempotency_key"
    title = "An Idempotency-Key has 1 to 255 characters"
