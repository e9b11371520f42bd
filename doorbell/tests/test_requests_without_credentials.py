"""What a request may cost before its credentials are known to be right."""

import asyncio
import threading
from typing import Any

import pytest

from doorbell.application import Doorbell


def answer(doorbell: Doorbell, **headers: str) -> tuple[int, set[threading.Thread]]:
    """The status, and the threads that were begun: each question to the database needs one."""
    before = set(threading.enumerate())
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/doorbell",
        "query_string": b"since=0",
        "headers": [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.1", 1),
    }
    asyncio.run(doorbell(scope, receive, send))
    return sent[0]["status"], set(threading.enumerate()) - before


@pytest.mark.parametrize("headers", [{}, {"X_Site_ID": "a"}, {"X_Site_Key": "b"}])
def test_a_request_without_both_headers_asks_nothing_of_the_database(headers: dict[str, str]) -> None:
    doorbell = Doorbell()
    assert answer(doorbell, **headers) == (401, set())
    assert len(doorbell.waits) == 0
