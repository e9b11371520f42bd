"""gunicorn's worker with threads, but a thread gets a request only once it has arrived whole.

One thread of the worker, the poller, accepts connections, receives requests, and sends what a client was slow to read. So a
client that is slow or silent costs a file descriptor and some memory, but no thread. The limits:

- A head must arrive within 10 seconds and 64 KiB, a body within 10 seconds and the time that it takes at 8 KiB a second.
- Of one network, MAX_WAITING connections may be busy receiving or sending; for another one, the oldest of them is closed.
- A body over 64 KiB is read by one of LARGE_BODY_THREADS extra threads, so that uploads do not hold the others. MAX_LARGE may
  wait for one, others are answered 503. One that brings nothing for 10 seconds is given up.
- MOST_HANDLED requests may have a thread or wait for one, fewer if they are of devices; others are answered 503 at once.
  Devices call again soon, and a flood of them must keep neither restaurants nor admins waiting.
- A response that is not read within 20 seconds and the time that it takes at 8 KiB a second is given up.

Leans on these parts of gunicorn 27, which config/tests/test_package_internals.py checks: `ThreadWorker` (`run`, `handle`,
`handle_error`, `accept`, `is_parent_alive`, `enqueue_req`, `finish_request`, `murder_keepalived`, `_cap_keepalive`,
`poller`, `method_queue`, `tpool`, `nr_conns`, `sockets`) and `Unreader.take_buffered`.
"""

import errno
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from gunicorn import util
from gunicorn.config import Config
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from config.server.connection import RECEIVE_SECONDS, SEND_SECONDS, Connection, State, seconds_for
from config.server.incoming_request import Arrival

MAX_WAITING = 64
LARGE_BODY_THREADS = 2
MAX_LARGE, MAX_LARGE_OF_DEVICES, MAX_LARGE_OF_NETWORK = 32, 16, 8
LARGEST_BODY = 16 * 1024 * 1024  # the application refuses less, but for uploads of firmware; see gunicorn.conf.py
MOST_HANDLED, MOST_HANDLED_OF_DEVICES = 768, 256
DEVICE_PATHS = ("devices/heartbeat", "health", "telemetry")
MAX_UNSENT_BYTES = 64 * 1024 * 1024  # of all connections of a process
CLOSING_SECONDS = 2.0
# nginx passes an upload on while it arrives, and looks for the response after some of it.
CLOSING_BYTES = 4 * 1024 * 1024
CHECK_SECONDS = 0.5
RECEIVE_BYTES = 64 * 1024


def no_network(client: Any) -> str | None:
    return None


class Load(NamedTuple):
    """What a worker process has to do. `handling` are requests that a thread has or that wait for one, without large bodies."""

    connections: int
    handling: int
    waited_seconds: float  # of all requests since the last report, for a thread


def report_nothing(load: Load) -> None:
    pass


def device_requests(path_prefix: str) -> tuple[bytes, ...]:
    """How the first lines of devices' requests begin, with PATH_PREFIX, which a proxy may leave in the path, and without."""
    return tuple(
        f"POST {prefix}/api/{version}{path}".encode()
        for prefix in {"", path_prefix}
        for version in ("", "v1/")
        for path in DEVICE_PATHS
    )


def write_plain_refusal(connection: Connection, status: HTTPStatus) -> None:
    util.write_error(connection.sock, status.value, status.phrase, "")


class WholeRequestWorker(ThreadWorker):
    # Called about twice a second. gunicorn.conf.py sets it if metrics are asked for.
    report_load: Callable[[Load], None] = staticmethod(report_nothing)
    # The network of a client's address for which MAX_WAITING counts, or None for no limit. gunicorn.conf.py sets it.
    network_of: Callable[[Any], str | None] = staticmethod(no_network)
    # The largest body that any path takes. gunicorn.conf.py sets it.
    largest_body = LARGEST_BODY
    # gunicorn.conf.py sets it if there is a PATH_PREFIX.
    device_requests = device_requests("")
    # The answer to a request that no thread handles. gunicorn.conf.py sets it.
    write_refusal: Callable[[Connection, HTTPStatus], None] = staticmethod(write_plain_refusal)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In both, the oldest are first. Those that a thread handles are in neither.
        self.idle: dict[Connection, None] = {}
        self.waiting: dict[str | None, dict[Connection, None]] = {}
        # How many of each network have a body that a thread reads, or wait for such a thread.
        self.large: Counter[str | None] = Counter()
        self.next_check = 0.0
        self.handling = 0
        self.waited_seconds = 0.0

    @classmethod
    def check_config(cls, cfg: Config, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl:
            sys.exit(
                "Portcullis cannot start: gunicorn's certfile and keyfile are not supported; use a proxy for HTTPS."
            )

    def init_process(self) -> None:
        self.large_body_pool = ThreadPoolExecutor(max_workers=LARGE_BODY_THREADS)
        super().init_process()

    def is_parent_alive(self) -> bool:
        """Without its first process, the worker stops as if it was told to: it says `Connection: close` from now on.

        gunicorn only leaves its loop, and then serves connections that are in use for 25 seconds. Until then it holds the port,
        where nobody accepts new connections, and the next start fails.
        """
        if super().is_parent_alive():
            return True
        self.alive = False
        return False

    # --- Receive ---

    def accept(self, listener: socket.socket) -> bool:
        """Whether a connection was waiting."""
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self.log.warning("A connection cannot be accepted: %s", error.strerror)
                self.close_oldest()
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return False
        self.make_room()
        self.nr_conns += 1
        connection = Connection(self.cfg, accepted, client, listener.getsockname(), self.network_of(client))
        self.wait_for(connection, State.RECEIVING, RECEIVE_SECONDS)
        self.step(self.on_readable, connection)  # the request has often arrived with the connection
        return True

    def stop_listening(self) -> None:
        """Accept the connections that wait, and close the socket at once instead of at the end.

        The system resets those that nobody has accepted, with the requests that they brought, and until then it takes new ones.
        A proxy must not repeat a POST that was sent; but it can ask another server if the connection is refused.
        """
        for listener in self.sockets:
            for _ in range(self.cfg.backlog):
                if not self.accept(listener):
                    break
            listener.close()

    def step(self, do: Callable[[Connection], None], connection: Connection, _: Any = None) -> None:
        """Whatever goes wrong with a connection ends that connection, never the worker."""
        try:
            do(connection)
        except OSError:
            self.close(connection)
        except Exception:
            self.log.exception("Error handling a connection")
            self.close(connection)

    def on_readable(self, connection: Connection) -> None:
        data = connection.sock.receive_at_once(RECEIVE_BYTES)
        if data is None:
            self.poll(connection, selectors.EVENT_READ)
        elif not data:
            self.close(connection)
        elif connection.state is State.CLOSING:
            connection.discarded += len(data)
            if connection.discarded > CLOSING_BYTES:
                self.close(connection)
            else:
                self.poll(connection, selectors.EVENT_READ)
        else:
            if connection.state is State.IDLE:
                self.wait_for(connection, State.RECEIVING, RECEIVE_SECONDS)
            connection.request.feed(data)
            self.receive(connection)

    def receive(self, connection: Connection) -> None:
        """Go on according to what has arrived."""
        request = connection.request
        match request.arrival:
            case Arrival.WHOLE:
                self.receive_whole(connection)
            case Arrival.LARGE:
                self.receive_large(connection)
            case Arrival.HEAD_TOO_LONG:
                self.refuse(connection, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            case Arrival.BODY_MISSING:
                if not connection.has_body_deadline:
                    connection.has_body_deadline = True
                    connection.deadline = time.monotonic() + seconds_for(request.length or 0, RECEIVE_SECONDS)
                    if request.expects_continue:
                        connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.poll(connection, selectors.EVENT_READ)
            case Arrival.HEAD_MISSING:
                self.poll(connection, selectors.EVENT_READ)

    def receive_whole(self, connection: Connection) -> None:
        is_of_device = connection.request.data.startswith(self.device_requests)
        if self.handling >= (MOST_HANDLED_OF_DEVICES if is_of_device else MOST_HANDLED):
            self.refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self.enqueue_req(connection)

    def receive_large(self, connection: Connection) -> None:
        """A body that a thread reads. Those that wait for one are limited, in all and of one network."""
        length = connection.request.length or 0
        if length > self.largest_body:
            self.refuse(connection, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif self.large.total() >= MAX_LARGE or (
            connection.network and self.large[connection.network] >= MAX_LARGE_OF_NETWORK
        ):
            self.refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self.large[connection.network] += 1
            connection.deadline = time.monotonic() + seconds_for(length, RECEIVE_SECONDS)
            self.enqueue_req(connection)

    def enqueue_req(self, connection: Connection) -> None:
        self.forget(connection)
        connection.state = State.HANDLING
        if connection.request.is_large:
            future = self.large_body_pool.submit(self.handle, connection)
        else:
            self.handling += 1
            connection.enqueued_at = time.monotonic()
            future = self.tpool.submit(self.handle_now, connection)
        future.add_done_callback(partial(self.method_queue.defer, self.finish_request, connection))

    def handle_now(self, connection: Connection) -> bool:
        connection.handled_at = time.monotonic()
        kept_alive: bool = self.handle(connection)
        return kept_alive

    # --- Send ---

    def finish_request(self, connection: Connection, future: Future[bool]) -> None:
        """After a thread has handled a request; `future` holds whether the connection is kept alive."""
        if connection.request.is_large:
            self.large[connection.network] -= 1
        else:
            self.handling -= 1
            self.waited_seconds += connection.handled_at - connection.enqueued_at
        connection.keeps_alive = not future.exception() and future.result()
        self.step(self.send, connection)

    def send(self, connection: Connection) -> None:
        sock = connection.sock
        if sock.flush():
            self.go_on(connection)
        elif connection.state is not State.SENDING:
            self.wait_for(connection, State.SENDING, seconds_for(sock.unsent_length, SEND_SECONDS))
            self.poll(connection, selectors.EVENT_WRITE)
            self.limit_unsent()

    def go_on(self, connection: Connection) -> None:
        """After a response is sent: receive the next request, or close."""
        self.forget(connection)
        if not connection.keeps_alive:
            self.close_gracefully(connection)
            return
        connection.begin_next_request()
        if connection.request.data:
            self.wait_for(connection, State.RECEIVING, RECEIVE_SECONDS)
            self.receive(connection)
        else:
            self.wait_for(connection, State.IDLE, self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)
            self.poll(connection, selectors.EVENT_READ)

    def limit_unsent(self) -> None:
        sending = [each for each in self.unhandled() if each.state is State.SENDING]
        total = sum(len(each.sock.unsent) for each in sending)
        for each in sorted(sending, key=lambda each: each.deadline):
            if total <= MAX_UNSENT_BYTES:
                return
            total -= len(each.sock.unsent)
            self.close(each)

    # --- Wait, with a deadline ---

    def wait_for(self, connection: Connection, state: State, seconds: float) -> None:
        self.forget_group(connection)
        connection.state = state
        connection.deadline = time.monotonic() + seconds
        if state is State.IDLE:
            self.idle[connection] = None
            return
        group = self.waiting.setdefault(connection.network, {})
        group[connection] = None
        if connection.network is not None and len(group) > MAX_WAITING:
            self.close(next(iter(group)))

    def poll(self, connection: Connection, event: int) -> None:
        if connection.is_registered:
            return
        callback = self.send if event == selectors.EVENT_WRITE else self.on_readable
        self.poller.register(connection.sock, event, partial(self.step, callback, connection))
        connection.is_registered = True

    def forget(self, connection: Connection) -> None:
        self.forget_group(connection)
        if connection.is_registered:
            self.poller.unregister(connection.sock)
            connection.is_registered = False

    def forget_group(self, connection: Connection) -> None:
        self.idle.pop(connection, None)
        group = self.waiting.get(connection.network, {})
        group.pop(connection, None)
        if not group:
            self.waiting.pop(connection.network, None)

    def unhandled(self) -> list[Connection]:
        return [*self.idle, *(each for group in self.waiting.values() for each in group)]

    def make_room(self) -> None:
        """Close the oldest connection that no thread handles if there are too many."""
        if self.nr_conns + 1 >= self.worker_connections:
            self.close_oldest()

    def close_oldest(self) -> None:
        if unhandled := self.unhandled():
            self.close(next(iter(self.idle), None) or min(unhandled, key=lambda each: each.deadline))

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections whose deadline has passed. `ThreadWorker.run` calls it after each round of events."""
        now = time.monotonic()
        if now < self.next_check and not force:
            return
        self.next_check = now + CHECK_SECONDS
        self.report_load(Load(self.nr_conns, self.handling, self.waited_seconds))
        self.waited_seconds = 0.0
        for connection in self.unhandled():
            if force or connection.deadline < now:
                if connection.state is State.RECEIVING and connection.has_begun and not force:
                    self.step(self.refuse_late, connection)
                else:
                    self.close(connection)

    def _cap_keepalive(self, deadline: float) -> None:
        """`ThreadWorker.run` calls it when the worker is told to stop. A request or response on its way may go on."""
        self.stop_listening()
        for connection in self.unhandled():
            if connection.state is State.IDLE or not connection.has_begun:
                connection.deadline = min(connection.deadline, deadline)

    # --- Close ---

    def refuse_late(self, connection: Connection) -> None:
        self.refuse(connection, HTTPStatus.REQUEST_TIMEOUT)

    def refuse(self, connection: Connection, status: HTTPStatus) -> None:
        self.write_refusal(connection, status)
        self.close_gracefully(connection)

    def close_gracefully(self, connection: Connection) -> None:
        """Read on for a while: a socket that is closed with unread bytes makes the client lose the response (RFC 9112 9.6)."""
        self.forget(connection)
        connection.sock.shutdown(socket.SHUT_WR)
        self.wait_for(connection, State.CLOSING, CLOSING_SECONDS)
        self.on_readable(connection)

    def close(self, connection: Connection) -> None:
        if connection.state is State.CLOSED:
            return
        self.forget(connection)
        connection.state = State.CLOSED
        self.nr_conns -= 1
        util.close(connection.sock)
