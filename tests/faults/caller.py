"""One client on a connection of its own, which records every request."""

import json
import select
import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from tests.faults.records import Records, Request

TIMEOUT_SECONDS = 15
EXPECTED = (200, 201, 204, 502, 503, 504)


class Caller:
    def __init__(self, url: str, certificate: str, records: Records) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.records = records
        self.connection: HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=certificate)
            self.connection = HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            self.connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)

    def send(
        self, kind: str, method: str, path: str, body: Any, headers: dict[str, str], also_expected: tuple[int, ...] = ()
    ) -> tuple[Request, Any]:
        """The record of the request, and the JSON of its response, None without one."""
        sent_at = time.monotonic()
        status, answer, defect = None, None, ""
        try:
            self.close_if_dropped()
            content = None if body is None else json.dumps(body)
            self.connection.request(method, path, content, {"Content-Type": "application/json", **headers})
            response = self.connection.getresponse()
            status, text = response.status, response.read()
            answer, defect = parsed(status, response.headers, text, (*EXPECTED, *also_expected))
        except (OSError, HTTPException):
            self.connection.close()
        record = Request(kind, sent_at, time.monotonic(), status, defect)
        self.records.requests.append(record)
        return record, answer

    def close(self) -> None:
        self.connection.close()

    def close_if_dropped(self) -> None:
        """As urllib3 does: a connection that the server has closed in the meantime is not used."""
        if self.connection.sock is not None and select.select([self.connection.sock], [], [], 0)[0]:
            self.connection.close()


def parsed(status: int, headers: Any, text: bytes, expected: tuple[int, ...]) -> tuple[Any, str]:
    """The body, and what is wrong with the response as a response of the API."""
    media_type = headers.get("Content-Type", "")
    if status == 204:
        return None, ""
    if status >= 400 and media_type != "application/problem+json":
        return None, f"{status} as {media_type or 'nothing'}"
    if status == 503 and not headers.get("Retry-After"):
        return None, "503 without Retry-After"
    try:
        answer = json.loads(text)
    except ValueError:
        return None, f"{status} with a body that is not JSON"
    return answer, "" if status in expected else f"{status} {answer.get('code', '')}"
