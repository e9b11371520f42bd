"""Slow clients against a running server, and what they cost those who are not slow.

    python -m tests.attacks.slow_clients --seconds 60

starts a server of its own on SQLite, runs each attack for that long, and prints a line for each. All traffic stays on
loopback; an attack from many addresses uses those of 127.0.1.0/24.
"""

import argparse
import itertools
import multiprocessing
import selectors
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path

import requests

from tests.running_server import RunningServer, Site, register

SITES = 20  # so that none calls more often than it may
TICK_SECONDS = 0.1
LONGEST_SECONDS = 30
PROBE_TIMEOUT_SECONDS = 10.0
HEARTBEAT_HEAD = b"POST /api/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
STATIC_FILE = (
    b"GET /static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
)


@dataclass(frozen=True)
class Attack:
    """`first` is sent at once, then one byte of `drip` in each pause; `reads` tells whether the client reads responses."""

    name: str
    first: bytes
    drip: bytes = b""
    reads: bool = True


ATTACKS = {
    attack.name: attack
    for attack in (
        Attack("silent", b""),
        Attack("slow head", b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"a"),
        Attack("slow body", HEARTBEAT_HEAD + b"Content-Length: 60000\r\n\r\n{", b" "),
        Attack("slow chunks", HEARTBEAT_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nffff\r\n", b" "),
        Attack(
            "slow large body",
            b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\na=",
            b"a",
        ),
        Attack("never reads", STATIC_FILE * 40, STATIC_FILE, reads=False),
    )
}


@dataclass
class Cost:
    """Seconds of each request that was answered, and the failures, while an attack went on."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.seconds:
            return f"0 answered, {len(self.failures)} failed"
        return (
            f"{len(self.seconds)} answered, {len(self.failures)} failed,"
            f" median {statistics.median(self.seconds) * 1000:.0f} ms, slowest {max(self.seconds) * 1000:.0f} ms"
        )


class SlowClients:
    """Keeps that many connections of one attack open; what the server closes is opened again, half of all in a second."""

    def __init__(self, port: int, attack: Attack, count: int, addresses: int, *, pause: float = 1.0) -> None:
        self.port, self.attack, self.count, self.pause = port, attack, count, pause
        self.sources = itertools.cycle(
            [f"127.0.1.{number + 1}" if addresses > 1 else "127.0.0.1" for number in range(addresses)]
        )
        self.selector = selectors.DefaultSelector()

    def run(self, stopped: Event) -> None:
        next_drip = 0.0
        next_opening = 0.0
        may_open = self.count
        while not stopped.is_set():
            if time.monotonic() > next_opening:
                next_opening = time.monotonic() + TICK_SECONDS
                for _ in range(min(may_open, self.count - len(self.selector.get_map()))):
                    self.open()
                may_open = int(self.count / 2 * TICK_SECONDS)
            if self.attack.reads:
                for key, _ in self.selector.select(TICK_SECONDS):
                    self.read(key.fileobj)
            else:
                time.sleep(TICK_SECONDS)
            if self.attack.drip and time.monotonic() > next_drip:
                next_drip = time.monotonic() + self.pause
                for key in list(self.selector.get_map().values()):
                    self.send(key.fileobj, self.attack.drip)
        for key in list(self.selector.get_map().values()):
            self.close(key.fileobj)

    def open(self) -> None:
        client = socket.socket()
        if not self.attack.reads:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.bind((next(self.sources), 0))
        try:
            client.settimeout(1)
            client.connect(("127.0.0.1", self.port))
        except OSError:
            client.close()
            time.sleep(0.05)
            return
        client.setblocking(False)
        self.selector.register(client, selectors.EVENT_READ)
        self.send(client, self.attack.first)

    def send(self, client: socket.socket, data: bytes) -> None:
        try:
            client.send(data)
        except BlockingIOError:
            return
        except OSError:
            self.close(client)

    def read(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close(client)

    def close(self, client: socket.socket) -> None:
        with suppress(KeyError):
            self.selector.unregister(client)
        client.close()


def keep_attacking(stopped: Event, port: int, attack: Attack, count: int, addresses: int) -> None:
    SlowClients(port, attack, count, addresses).run(stopped)


def measure(call: Callable[[], requests.Response], stopped: Event, cost: Cost) -> None:
    while not stopped.is_set():
        started = time.monotonic()
        try:
            answer = call()
            if answer.status_code == 200:
                cost.seconds.append(time.monotonic() - started)
            else:
                cost.failures.append(str(answer.status_code))
        except requests.RequestException as error:
            cost.failures.append(type(error).__name__)
        stopped.wait(0.1)


def attack_server(
    server: RunningServer,
    sites: list[Site],
    attack: Attack,
    *,
    count: int,
    addresses: int,
    seconds: float,
    enough: int = 0,
) -> dict[str, Cost]:
    """What the health probe and a valid heartbeat cost, each on a new connection, while the attack goes on.

    On a busy machine it goes on, for LONGEST_SECONDS at most, until `enough` of both were answered.
    """
    stopped = multiprocessing.Event()
    # A process of their own: a thread that is busy with 500 sockets would slow down what is measured here.
    attackers = multiprocessing.Process(target=keep_attacking, args=(stopped, server.port, attack, count, addresses))
    costs = {"probe": Cost(), "heartbeat": Cost()}
    calls = {
        "probe": lambda: requests.get(f"{server.url}/health/live", timeout=PROBE_TIMEOUT_SECONDS),
        "heartbeat": lambda: next(next_site).call_home(),
    }
    next_site = itertools.cycle(sites)
    measuring = [threading.Thread(target=measure, args=(calls[name], stopped, costs[name])) for name in costs]
    attackers.start()
    time.sleep(min(2.0, seconds / 3))
    for thread in measuring:
        thread.start()
    ends_at = time.monotonic() + LONGEST_SECONDS
    time.sleep(seconds)
    while time.monotonic() < ends_at and any(len(cost.seconds) < enough for cost in costs.values()):
        time.sleep(0.1)
    stopped.set()
    for thread in measuring:
        thread.join()
    attackers.join()
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=list(ATTACKS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(f"sqlite:///{folder}/attacked.sqlite3", Path(folder))
        server.set_up()
        server.start()
        try:
            api = server.sign_in()
            sites = [register(api, server) for _ in range(SITES)]
            for attack in ATTACKS.values():
                if options.only in (None, attack.name):
                    for count, addresses in ((500, 1), (100, 100)):
                        costs = attack_server(
                            server, sites, attack, count=count, addresses=addresses, seconds=options.seconds
                        )
                        print(
                            f"{attack.name}, {count} clients, {addresses} addresses: probe {costs['probe']};"
                            f" heartbeat {costs['heartbeat']}",
                            flush=True,
                        )
        finally:
            server.stop()


if __name__ == "__main__":
    main()
