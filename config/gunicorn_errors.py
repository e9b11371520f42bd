"""Problems as responses to requests that gunicorn itself refuses, before the application sees them."""

import json
import logging
import socket
import uuid
from http import HTTPStatus

from django.conf import settings
from prometheus_client import Counter

from common.api.problems import CONTENT_TYPE, STATUS_CODES
from common.metrics import count
from config.server.connection import Connection

log = logging.getLogger("portcullis.access")
UNREADABLE = Counter(
    "portcullis_unreadable_requests", "Requests that the server refused before Django saw them.", ["status"]
)

LONGEST_ORIGIN = 300  # bytes, with blanks; the name of a host has at most 253
# Without these, a browser shows a page of another origin neither the status nor the response.
ALLOWED = (
    "Access-Control-Allow-Origin: {origin}\r\n"
    "Access-Control-Expose-Headers: Retry-After, X-Request-ID\r\nVary: Origin\r\n\r\n"
)
DETAILS = {
    408: "The request did not arrive in time.",
    413: "The body is too large.",
    503: "Too many requests at a time. Try again.",
}


def write_refusal(connection: Connection, status: HTTPStatus) -> None:
    """Answer a request that is refused before a thread handles it, such as one too many."""
    write_problem(connection.sock, status.value, status.phrase, "", origin=allowed_origin(connection.request.data))


def allowed_origin(request: bytes | bytearray) -> bytes:
    """The origin of a request below /api/ if it may read the response; empty otherwise. `request` is what has arrived of it.

    The worker calls it between the requests of all clients, so it takes time in proportion to the head at most.
    """
    if not settings.CORS_ALLOWED_ORIGINS:
        return b""
    first, *lines = bytes(request).partition(b"\r\n\r\n")[0].split(b"\r\n")
    path = first.partition(b" ")[2].removeprefix(settings.PATH_PREFIX.encode())
    if not path.startswith(b"/api/"):
        return b""
    for line in lines:
        if line[:7].lower() == b"origin:":
            origin = line[7:].strip(b" \t") if len(line) <= LONGEST_ORIGIN else b""
            return origin if origin.decode("latin-1") in settings.CORS_ALLOWED_ORIGINS else b""
    return b""


def write_problem(sock: socket.socket, status: int, reason: str, detail: str, *, origin: bytes = b"") -> None:
    """Answer a malformed request line or a header that is too long. It replaces gunicorn's function, which sends HTML.

    `detail` is left out: gunicorn quotes the text that it could not read, which may contain a key.
    """
    request_id = uuid.uuid4().hex
    problem = {
        "type": "about:blank",
        "title": reason,
        "status": status,
        "detail": DETAILS.get(status, "The request cannot be read."),
        "code": STATUS_CODES.get(status, "bad_request"),
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"X-Request-ID: {request_id}\r\nContent-Length: {len(body)}\r\n"
    )
    head += "Retry-After: 10\r\n\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else "\r\n"
    if origin:
        head = head.removesuffix("\r\n") + ALLOWED.format(origin=origin.decode("ascii"))
    log.info("unreadable request %s", status, extra={"status": status, "refused_as": request_id})
    count(UNREADABLE, str(status))
    sock.sendall(head.encode("latin-1") + body)
