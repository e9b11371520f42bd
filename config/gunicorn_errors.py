"""What gunicorn itself refuses, before there is a request that the application could answer, is a problem too."""

import json
import socket

from common.problems import CONTENT_TYPE, STATUS_CODES


def write_problem(sock: socket.socket, status: int, reason: str, detail: str) -> None:
    """In place of gunicorn's HTML: a malformed request line, a header that is too long."""
    problem = {
        "type": "about:blank",
        "title": reason,
        "status": status,
        "detail": detail or reason,
        "code": STATUS_CODES.get(status, "bad_request"),
    }
    body = json.dumps(problem).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
    sock.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body)
