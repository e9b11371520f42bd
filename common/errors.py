"""Expected errors that services raise. The API answers them as problems, the panel and the commands show their message."""

from collections.abc import Mapping
from typing import ClassVar


class DomainError(Exception):
    """A request that the product's rules do not allow; not a defect.

    `code` is stable and for programs. `title` is the same for every occurrence; `detail` describes this one.
    """

    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.title
        super().__init__(self.detail)


class InvalidInput(DomainError):
    """A value is invalid; `field` is the path of that value in the body, without a leading slash."""

    code = "invalid"
    title = "The input is invalid"

    def __init__(self, detail: str | None = None, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


class NotAuthenticated(DomainError):
    code = "not_authenticated"
    title = "Authentication is required"
    challenge: ClassVar[str] = 'Bearer realm="api"'


class NotAllowed(DomainError):
    """The admin is signed in, but may not do this, or not yet."""

    code = "permission_denied"
    title = "This is not allowed"


class NotFound(DomainError):
    code = "not_found"
    title = "There is nothing here"


class Gone(DomainError):
    """It was there, and will not be there again."""

    code = "gone"
    title = "This is no longer there"


class Conflict(DomainError):
    code = "conflict"
    title = "The request conflicts with the present state"


class PreconditionFailed(DomainError):
    code = "precondition_failed"
    title = "The resource has changed since you read it"


class TooLarge(DomainError):
    code = "body_too_large"
    title = "The body is too large"


class TooManyRequests(DomainError):
    code = "too_many_requests"
    title = "Too many requests"

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = max(1, retry_after_seconds)


class Unavailable(DomainError):
    """The same request may succeed soon."""

    code = "unavailable"
    title = "The service is not available"
    retry_after_seconds: ClassVar[int] = 5


class OperationFailed(DomainError):
    """What was asked for was tried, and did not succeed for a reason that the caller should know."""

    code = "failed"
    title = "The operation failed"


class InsufficientStorage(DomainError):
    """Something that the request brings has no room on the server."""

    code = "insufficient_storage"
    title = "The server has no room for this"


HTTP_STATUS: Mapping[type[DomainError], int] = {
    InvalidInput: 400,
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    PreconditionFailed: 412,
    TooLarge: 413,
    TooManyRequests: 429,
    OperationFailed: 500,
    Unavailable: 503,
    InsufficientStorage: 507,
}


def http_status(error: DomainError) -> int:
    """The status code of the nearest class of this table; 409 for a refusal of no known kind."""
    for kind in type(error).__mro__:
        if kind in HTTP_STATUS:
            return HTTP_STATUS[kind]
    return 409
