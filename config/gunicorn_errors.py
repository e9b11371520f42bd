"""Problems as responses to requests that gunicorn itself refuses, before the application sees them."""

import json
import logging
import socket
import uuid
from http import HTTPStatus

from prometheus_client import Counter

from common.api.problems import CONTENT_TYPE, STATUS_CODES
from common.metrics import count

log = logging.getLogger("portcullis.access")
UNREADABLE = Counter(
    "portcullis_unreadable_requests", "Requests that the server refused before Django saw them.", ["status"]
)

DETAILS = {
    408: "The request did not arrive in time.",
    413: "The body is too large.",
    503: "Too many requests at a time. Try again.",
}


def write_problem(sock: socket.socket, status: int, reason: str, detail: str) -> None:
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
    log.info("unreadable request %s", status, extra={"status": status, "refused_as": request_id})
    count(UNREADABLE, str(status))
    sock.sendall(head.encode("latin-1") + body)
