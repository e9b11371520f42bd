"""The slow clients of tests/attacks, in a process of their own, also over TLS."""

import multiprocessing
import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event

from tests.attacks.slow_clients import Attack, SlowClients
from tests.nginx import HOST

COUNT = 500
BODY = b"POST /api/heartbeat HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
ATTACK = Attack("slow body", BODY % HOST.encode(), b" ")


class SlowTLSClients(SlowClients):
    def __init__(self, port: int, certificate: str) -> None:
        super().__init__(port, ATTACK, COUNT, addresses=1)
        self.context = ssl.create_default_context(cafile=certificate)

    def open(self) -> None:
        try:
            plain = socket.create_connection(("127.0.0.1", self.port), timeout=5)
            client = self.context.wrap_socket(plain, server_hostname=HOST)
        except OSError:
            return
        client.setblocking(False)
        self.selector.register(client, selectors.EVENT_READ)
        self.send(client, self.attack.first)

    def read(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except ssl.SSLWantReadError:  # a ticket of TLS, for example
            return
        except OSError:
            data = b""
        if not data:
            self.close(client)


def attack(stopped: Event, port: int, certificate: str) -> None:
    clients = SlowTLSClients(port, certificate) if certificate else SlowClients(port, ATTACK, COUNT, addresses=1)
    clients.run(stopped)


@contextmanager
def slow_clients(port: int, *, certificate: str = "") -> Iterator[None]:
    """Not a fork: the process that measures has threads."""
    context = multiprocessing.get_context("spawn")
    stopped = context.Event()
    process = context.Process(target=attack, args=(stopped, port, certificate), daemon=True)
    process.start()
    try:
        yield
    finally:
        stopped.set()
        process.join()
