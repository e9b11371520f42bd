"""What gunicorn itself logs about a request that it cannot read."""

import logging
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, InvalidHeaderName, InvalidRequestLine, ObsoleteFolding
from gunicorn.workers.base import Worker

from common.tests.logged import Lines
from config.gunicorn_logging import WithoutAccessLog

COOKIE = "Cookie: sessionid=0123456789abcdef"


@pytest.fixture
def worker() -> Iterator[Any]:
    log, lines = WithoutAccessLog(Config()), Lines()
    log.error_log.addHandler(lines)
    log.error_log.setLevel(logging.DEBUG)
    yield SimpleNamespace(log=log, lines=lines)
    log.error_log.removeHandler(lines)


@pytest.mark.parametrize("error", [InvalidHeader, InvalidHeaderName, InvalidRequestLine, ObsoleteFolding])
def test_a_line_that_cannot_be_read_is_not_logged(worker: Any, error: type[Exception]) -> None:
    server, client = socket.socketpair()
    with server, client:
        try:
            raise error(COOKIE + "\r\nsecond line: psk_")
        except error as raised:
            Worker.handle_error(worker, None, server, ("203.0.113.7", 1), raised)
    [line] = worker.lines.entries
    assert line["level"] == "WARNING"
    assert line["message"] == f"Invalid request from ip=203.0.113.7: {error.__name__}"


def test_other_warnings_are_logged_whole(worker: Any) -> None:
    worker.log.warning("Reloader is on: %s", "dev")
    assert [line["message"] for line in worker.lines.entries] == ["Reloader is on: dev"]
