"""Devices that call a running server: what changes reaches all of its processes, and a killed one loses two seconds at most."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import requests

from benchmarks.usage import process_tree
from tests.conftest import started
from tests.databases import prepared_postgresql
from tests.running_server import Client, RunningServer, Site, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

EFFECTIVE_SECONDS, LOST_SECONDS = 5.0, 2.0
CALLS = 12  # over new connections, so that each process gets some


@dataclass
class Device:
    server: RunningServer
    id: str
    key: str

    def call(self, key: str | None = None) -> requests.Response:
        headers = {"X-Device-ID": self.id, "X-Device-Key": key or self.key}
        return requests.post(f"{self.server.url}/api/devices/heartbeat", json={}, headers=headers, timeout=15)


@pytest.fixture(scope="module")
def server(race_server: RunningServer) -> RunningServer:
    return race_server


@pytest.fixture
def api(server: RunningServer) -> Client:
    return server.sign_in()


@pytest.fixture
def site(server: RunningServer, api: Client) -> Site:
    return register(api, server, name="Device Diner")


def enrolled(server: RunningServer, api: Client, site: Site, *names: str) -> list[Device]:
    path = f"/api/locations/{site.site_id}/enrolment-codes"
    code = api.post(path, {"uses": len(names)}).json()["code"]
    made = [api.post("/api/devices/register", {"device_id": name, "enrolment_code": code}).json() for name in names]
    return [Device(server, each["id"], each["device_key"]) for each in made]


def takes_effect(call: Callable[[], Any], expected: Any) -> float:
    """Seconds until CALLS in a row, of all processes, are as expected."""
    began = time.monotonic()
    while any(call() != expected for _ in range(CALLS)):
        assert time.monotonic() - began < EFFECTIVE_SECONDS
    return time.monotonic() - began


def test_what_changes_is_answered_by_all_processes(server: RunningServer, api: Client, site: Site) -> None:
    (till,) = enrolled(server, api, site, "till-1")
    assert [till.call().status_code for _ in range(CALLS)] == [200] * CALLS
    api.post(f"/api/sites/{site.site_id}/lock", {"reason": "unpaid"})
    takes_effect(lambda: till.call().json()["locked"], True)
    api.send("PATCH", f"/api/devices/{till.id}", {"config": {"printer": "kitchen"}})
    takes_effect(lambda: till.call().json()["config"], {"printer": "kitchen"})
    new = api.post(f"/api/devices/{till.id}/rotate-key", {"overlap_hours": 0}).json()["device_key"]
    takes_effect(lambda: till.call().status_code, 401)
    takes_effect(lambda: till.call(new).status_code, 200)
    api.send("DELETE", f"/api/devices/{till.id}")
    takes_effect(lambda: till.call(new).status_code, 401)


def test_a_killed_server_loses_the_last_two_seconds_and_nothing_else(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    settings = {"DEVICE_HEARTBEAT_INTERVAL_SECONDS": "1"}
    with started(RunningServer(prepared_postgresql(postgres_url, folder), folder, settings=settings)) as server:
        api = server.sign_in()
        devices = enrolled(
            server, api, register(api, server, name="Killed"), *(f"till-{number}" for number in range(6))
        )
        answered: dict[str, list[datetime]] = {device.id: [] for device in devices}
        ended = threading.Event()

        def call_again_and_again(device: Device) -> None:
            while not ended.is_set():
                try:
                    answer = device.call()
                except requests.RequestException:
                    return
                answered[device.id].append(datetime.fromisoformat(answer.json()["server_time"]))
                time.sleep(0.1)

        threads = [threading.Thread(target=call_again_and_again, args=[device]) for device in devices]
        for thread in threads:
            thread.start()
        time.sleep(5)
        assert server.process is not None
        killed_at = datetime.now(UTC)
        for pid in process_tree(server.process.pid):
            os.kill(pid, signal.SIGKILL)
        ended.set()
        for thread in threads:
            thread.join()
        with psycopg.connect(server.database_url) as database:
            pulses = database.execute(
                "SELECT device_id, last_seen_at, day_heartbeats FROM devices_devicepulse"
            ).fetchall()
    assert len(pulses) == len(devices)
    for device_id, last_seen_at, heartbeats in pulses:
        times = answered[str(device_id)]
        assert (killed_at - last_seen_at).total_seconds() < LOST_SECONDS
        assert heartbeats >= sum((killed_at - at).total_seconds() > LOST_SECONDS for at in times) > 0
        assert heartbeats <= len(times) + 1
