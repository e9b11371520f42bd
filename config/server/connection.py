"""A client's connection: a socket that never waits for a client to read, and the state between two requests."""

import os
import socket
import time
from enum import Enum, auto
from io import BufferedIOBase
from select import POLLOUT, poll
from typing import Any

from gunicorn import http
from gunicorn.config import Config

from config.server.incoming_request import IncomingRequest

# Response bytes that a connection keeps in memory for a client that reads slowly; every page fits. A file stays a file.
UNSENT_LIMIT = 1024 * 1024
PIECE = 256 * 1024
# The system would copy megabytes into its own buffer for a client that reads nothing. Enough for 1 MiB/s at 100 ms round trip.
SYSTEM_BUFFER = 128 * 1024
SEND_SECONDS = 20.0
RECEIVE_SECONDS = 10.0
# Slower clients are cut off, however long the body or the response is.
SLOWEST_BYTES_PER_SECOND = 8 * 1024


def seconds_for(length: int, base: float) -> float:
    return base + length / SLOWEST_BYTES_PER_SECOND


class RestOfFile:
    def __init__(self, descriptor: int, position: int, end: int) -> None:
        self.descriptor, self.position, self.end = descriptor, position, end

    @property
    def is_read(self) -> bool:
        return self.position >= self.end

    @property
    def length(self) -> int:
        return self.end - self.position

    def read(self, size: int) -> bytes:
        """The next bytes. Raises OSError if the file has become shorter since its length was announced."""
        data = os.pread(self.descriptor, min(size, self.length), self.position)
        if not data and not self.is_read:
            raise BrokenPipeError("the file has become shorter")
        self.position += len(data)
        return data

    def close(self) -> None:
        os.close(self.descriptor)


class ClientSocket(socket.socket):
    """`sendall` keeps what the system does not take at once; `flush` sends it later. Raises OSError if the client is gone."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_BUFFER)
        self.unsent = bytearray()
        self.rest_of_file: RestOfFile | None = None

    def sendall(self, data: Any, flags: int = 0) -> None:
        while self.rest_of_file and not self.flush():
            self.wait_for_client()
        rest = memoryview(data)
        if not self.unsent:
            rest = rest[self.send_at_once(rest) :]
        if rest:
            self.unsent += rest
        if len(self.unsent) > UNSENT_LIMIT:
            self.wait_for_client()

    def send(self, data: Any, flags: int = 0) -> int:
        self.sendall(data)
        return len(data)

    def sendfile(self, file: BufferedIOBase, offset: int = 0, count: int | None = None) -> int:  # type: ignore[override]
        """The file is read as the client reads: what is left of it stays open until it is sent."""
        end = os.fstat(file.fileno()).st_size if count is None else offset + count
        self.rest_of_file = RestOfFile(os.dup(file.fileno()), offset, end)
        self.flush()
        return end - offset

    def send_at_once(self, data: Any) -> int:
        """How many bytes the system has taken."""
        try:
            return super().send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def flush(self) -> bool:
        """Send what the system takes now; whether nothing is left."""
        while True:
            if not self.unsent and self.rest_of_file:
                self.unsent += self.rest_of_file.read(PIECE)
                if self.rest_of_file.is_read:
                    self.close_file()
            if not self.unsent:
                return True
            taken = self.send_at_once(memoryview(self.unsent)[:PIECE])
            if not taken:
                return False
            del self.unsent[:taken]

    def wait_for_client(self) -> None:
        """Of a response over UNSENT_LIMIT, such as an export, the thread that makes it waits until the client has read some."""
        deadline = time.monotonic() + SEND_SECONDS
        before = len(self.unsent)
        writable = poll()
        writable.register(self, POLLOUT)
        while len(self.unsent) > min(UNSENT_LIMIT, before - 1):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not writable.poll(remaining * 1000):
                raise BrokenPipeError("the client does not read its response")
            self.flush()

    def close(self) -> None:
        self.close_file()
        super().close()

    def close_file(self) -> None:
        file, self.rest_of_file = self.rest_of_file, None
        if file:
            file.close()

    @property
    def unsent_length(self) -> int:
        return len(self.unsent) + (self.rest_of_file.length if self.rest_of_file else 0)

    def receive_at_once(self, size: int) -> bytes | None:
        """None if nothing is there, b"" if the client has closed the connection."""
        try:
            return self.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None


class State(Enum):
    IDLE = auto()  # kept alive between two requests
    RECEIVING = auto()
    HANDLING = auto()  # a thread has it, or it waits for one
    SENDING = auto()  # the rest of a response
    CLOSING = auto()  # everything is sent; until the client closes too
    CLOSED = auto()


class Connection:
    """Has the attributes that gunicorn's `ThreadWorker.handle` reads of its own class `TConn`.

    It is also what gunicorn's parser reads from: `recv` returns what has arrived, and then the end, except in a large body.
    """

    initialized = data_ready = True
    is_http2 = False
    parser: Any = None

    def __init__(self, cfg: Config, accepted: socket.socket, client: Any, server: Any, network: str | None) -> None:
        self.cfg, self.client, self.server, self.network = cfg, client, server, network
        self.sock = ClientSocket(accepted)
        self.state = State.RECEIVING
        self.request = IncomingRequest()
        self.deadline = time.monotonic() + RECEIVE_SECONDS
        self.is_registered = False
        self.has_body_deadline = False
        self.keeps_alive = False
        self.discarded = 0
        self.timeout: float | None = None
        # When the request was whole, and when a thread took it.
        self.enqueued_at = self.handled_at = 0.0

    def init(self) -> None:
        """Called by `ThreadWorker.handle` before each request."""
        self.parser = http.get_parser(self.cfg, self, self.client)

    def recv(self, size: int) -> bytes:
        data = self.request.data
        if data:
            taken = bytes(data[:size])
            del data[:size]
            return taken
        if not self.request.is_large:
            return b""
        remaining = min(self.deadline - time.monotonic(), RECEIVE_SECONDS, self.timeout or RECEIVE_SECONDS)
        if remaining <= 0:
            raise TimeoutError("the body came too slowly")
        self.sock.settimeout(remaining)
        try:
            received = self.sock.recv(size)
        finally:
            self.sock.settimeout(None)
        if self.request.is_chunked:  # its length is not known before
            self.deadline += seconds_for(len(received), 0)
        return received

    def gettimeout(self) -> float | None:
        return self.timeout

    def settimeout(self, timeout: float | None) -> None:
        """gunicorn's `Parser.finish_body` limits by it how long it reads a body that the application has not read."""
        self.timeout = timeout

    @property
    def has_begun(self) -> bool:
        """Whether part of a request or of a response is on its way."""
        return self.state is State.SENDING or bool(self.request.data)

    def begin_next_request(self) -> None:
        """Bytes that came behind the last request belong to the next one."""
        rest = self.parser.unreader.take_buffered() + bytes(self.request.data)
        self.request, self.has_body_deadline = IncomingRequest(), False
        if rest:
            self.request.feed(rest)
