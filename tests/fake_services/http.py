"""A small real HTTP server that records requests and answers as a test says, with every way in which a server can fail.

    with FakeHttp() as service:
        service.script(Reply(429, {"Retry-After": "60"}), Reply(200))  # one for each request, the last for all further ones
        ...
        assert service.requests[0].json()["type"] == "test"

The server knows nothing of what it stands for: `Reply` and the functions below it are its whole language.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scripts.with_services import free_port
from tests.fake_services.certificates import server_context


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # with the query
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A complete answer. Without a length of its own the body ends with the connection."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __call__(self, connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(self.encoded())

    def encoded(self) -> bytes:
        headers = {"Content-Length": str(len(self.body)), "Connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status} Fake", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


# After that a server that never ends does: a test fails then, and does not hang.
LONGEST_SECONDS = 10
Behaviour = Callable[[socket.socket, threading.Event], None]


def hang(connection: socket.socket, over: threading.Event) -> None:
    """Read the request and do not answer."""
    over.wait(LONGEST_SECONDS)


def reset(connection: socket.socket, over: threading.Event) -> None:
    """Send the half of an answer, then a TCP reset in place of the rest."""
    connection.sendall(Reply(200, body=b"x" * 1000).encoded()[:60])
    # Lingering for no time: closing sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(connection: socket.socket, over: threading.Event) -> None:
    """End the connection without an answer."""


def garbage(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"220 mail.example.com ESMTP\r\n")


@dataclass(frozen=True)
class Drip:
    """Send the bytes one by one, then go on with a filler, until the client or the test ends it.

    The default answers 200 and then has headers without end.
    """

    start: bytes = b"HTTP/1.1 200 OK\r\nX-Drip: "
    filler: bytes = b"x"
    seconds_between: float = 0.02

    def __call__(self, connection: socket.socket, over: threading.Event) -> None:
        remaining, end = self.start, time.monotonic() + LONGEST_SECONDS
        while not over.wait(self.seconds_between) and time.monotonic() < end:
            byte, remaining = remaining[:1] or self.filler, remaining[1:]
            connection.sendall(byte)


class FakeHttp:
    """Listens on a free port of 127.0.0.1 while it is entered; with TLS if `certificate` is given.

    If it `speaks_first`, it behaves as scripted without waiting for a request.
    """

    host = "127.0.0.1"

    def __init__(self, *behaviours: Behaviour, certificate: Path | None = None, speaks_first: bool = False) -> None:
        self.speaks_first = speaks_first
        self.context = server_context(certificate) if certificate else None
        self.requests: list[Request] = []
        self.server_names: list[str | None] = []  # of TLS, one for each connection
        self.connections = 0
        self.over = threading.Event()
        self.script(*behaviours or (Reply(),))
        if self.context:
            self.context.sni_callback = lambda _socket, name, _context: self.server_names.append(name)

    def script(self, *behaviours: Behaviour) -> None:
        """What the next requests get, in this order; the last also all that follow."""
        self.behaviours = list(behaviours)

    def url(self, path: str = "/hook", *, host: str | None = None) -> str:
        return f"{'https' if self.context else 'http'}://{host or self.host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self.listener = socket.create_server((self.host, 0))
        self.port: int = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept_all, daemon=True)]
        self.threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.over.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)

    def accept_all(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.threads.append(threading.Thread(target=self.serve, args=[connection], daemon=True))
            self.threads[-1].start()

    def serve(self, connection: socket.socket) -> None:
        # A client that goes away is what most of these tests are about.
        with suppress(OSError), connection:
            connection.settimeout(30)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                if not self.speaks_first:
                    request = read_request(connection)
                    if request is None:
                        return
                    self.requests.append(request)
                behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
                behaviour(connection, self.over)


def read_request(connection: socket.socket) -> Request | None:
    """None if the connection ended before."""
    with connection.makefile("rb") as stream:
        first = stream.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = {}
        while (line := stream.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        return Request(first[0], first[1], headers, body)


class HangingTls(FakeHttp):
    """Accepts connections and never says a word of TLS."""

    def serve(self, connection: socket.socket) -> None:
        with connection:
            self.over.wait(LONGEST_SECONDS)


def closed_port() -> int:
    """A port of 127.0.0.1 that refuses connections."""
    return free_port()
