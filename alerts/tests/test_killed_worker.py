"""Workers are killed at random moments: every change is told at least once, none more than twice, in the order of its incident.

The workers are real processes that send to a real HTTP server.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from alerts.channels.secrets import ADDRESS, sealed
from alerts.incidents.services import NewIncident, acknowledge_incident, open_incidents, resolve_incidents
from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery
from alerts.tests.estate import Estate
from audit.actors import Actor

ROOT = Path(__file__).resolve().parents[2]
TYPES = ["incident.opened", "incident.acknowledged", "incident.resolved"]
WITHIN_SECONDS = 60.0


class Receiver(ThreadingHTTPServer):
    """Notes what arrives before it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.headers["webhook-id"], body))  # type: ignore[attr-defined]
        time.sleep(random.random() * 0.01)
        try:
            self.send_response(200)
            self.end_headers()
        except ConnectionError:
            return  # the worker was killed

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    """The process that starts workers, on the database of this test."""
    settings = connection.settings_dict
    url = (
        f"sqlite:///{settings['NAME']}"
        if connection.vendor == "sqlite"
        else os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{settings['NAME']}"
    )
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ALERT_ALLOW_PRIVATE_ADDRESSES": "true",
        "ALERT_RETRY_SECONDS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "alerts.tests.worker_process"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def new_worker(process: subprocess.Popen[str]) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def make_changes(count: int, by: Actor, stopped: threading.Event) -> None:
    """Incidents that are opened, acknowledged and resolved, in between others."""
    randomness = random.Random(1)
    going: list[tuple[Any, int]] = []
    made = 0
    try:
        while made < count and not stopped.is_set():
            at = timezone.now()
            if len(going) < 5 or (randomness.random() < 0.3 and made + len(going) < count):
                subject = f"{made}"
                [incident] = open_incidents(
                    [NewIncident(Kind.SIGN_IN_ATTACK, subject, "", since=at, subject=subject)], at=at
                )
                going.append((incident, 1))
            else:
                incident, step = going.pop(randomness.randrange(len(going)))
                if step == 1:
                    acknowledge_incident(incident.id, by=by, at=at)
                    going.append((incident, 2))
                else:
                    resolve_incidents([incident.pk], at=at)
            made += 1
            time.sleep(0.01)
    finally:
        connection.close()


def kill_again_and_again(process: subprocess.Popen[str], receiver: Receiver, *, kills: int, workers: int) -> None:
    """At random moments, but each worker has sent something new before: two kills may not hit one message."""
    randomness = random.Random(2)
    pids = [new_worker(process) for _ in range(workers)]
    try:
        for _ in range(kills):
            seen = {id_ for id_, _ in receiver.got}
            deadline = time.monotonic() + WITHIN_SECONDS
            while len({id_ for id_, _ in receiver.got} - seen) < 2:
                assert time.monotonic() < deadline, "nothing arrives any more"
                if not Delivery.objects.waiting().exists():
                    break
                time.sleep(0.002)
            time.sleep(randomness.random() * 0.05)
            os.kill(pids[0], signal.SIGKILL)
            pids = [*pids[1:], new_worker(process)]
        deadline = time.monotonic() + WITHIN_SECONDS
        while Delivery.objects.waiting().exists():
            assert time.monotonic() < deadline, "some messages still wait"
            time.sleep(0.05)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def check(receiver: Receiver) -> int:
    """How many messages came twice."""
    times = Counter(id_ for id_, _ in receiver.got)
    stored = {str(id_): type_ for id_, type_ in Delivery.objects.values_list("id", "type")}
    assert times.keys() == stored.keys()
    assert max(times.values()) <= 2
    types = defaultdict(list)
    for id_, body in receiver.got:
        assert body["type"] == stored[id_]
        if not types[body["data"]["id"]] or types[body["data"]["id"]][-1] != body["type"]:
            types[body["data"]["id"]].append(body["type"])
    for of_incident in types.values():
        assert of_incident == TYPES[: len(of_incident)]
    return sum(count == 2 for count in times.values())


@pytest.mark.slow(seconds=30)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kills", "changes"), [(15, 80), pytest.param(200, 500, marks=pytest.mark.long)], ids=["some", "many"]
)
def test_every_change_is_told_though_workers_are_killed(
    estate: Estate, receiver: Receiver, by_anna: Actor, settings: LazySettings, kills: int, changes: int
) -> None:
    channel = estate.channel()
    AlertChannel.objects.filter(pk=channel.pk).update(
        sealed_address=sealed(receiver.url, purpose=ADDRESS, channel_id=channel.pk)
    )
    stopped = threading.Event()
    maker = threading.Thread(target=make_changes, args=[changes, by_anna, stopped])
    with nursery() as process:
        maker.start()
        try:
            workers = 2 if connection.vendor == "postgresql" else 1
            kill_again_and_again(process, receiver, kills=kills, workers=workers)
            maker.join(WITHIN_SECONDS)
            deadline = time.monotonic() + WITHIN_SECONDS
            last = new_worker(process)
            while Delivery.objects.waiting().exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            os.kill(last, signal.SIGKILL)
        finally:
            stopped.set()
            maker.join()
    assert Delivery.objects.count() == changes
    twice = check(receiver)
    sys.stdout.write(f"{twice} of {changes} came twice with {kills} kills\n")
