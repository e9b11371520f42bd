"""A small run of the simulated fleet on a real server: nothing is lost or doubled. `make bench-fleet` is the large one."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.simulated_devices import simulate
from tests.conftest import started
from tests.databases import prepared_postgresql
from tests.running_server import RunningServer, register

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=35)]

DEVICES, SECONDS, WRITTEN_WITHIN = 60, 18, 3.0


def test_a_fleet_with_outages_wrong_clocks_and_retries(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("fleet")
    settings = {"DEVICE_HEARTBEAT_INTERVAL_SECONDS": "2"}
    with started(RunningServer(prepared_postgresql(postgres_url, folder), folder, settings=settings)) as server:
        api = server.sign_in()
        site = register(api, server, name="Fleet")
        code = api.post(f"/api/locations/{site.site_id}/enrolment-codes", {"uses": DEVICES}).json()["code"]
        credentials = []
        for number in range(DEVICES):
            body = {"device_id": f"till-{number}", "enrolment_code": code}
            device: dict[str, Any] = api.post("/api/devices/register", body).json()
            credentials.append((uuid.UUID(device["id"]), device["device_key"]))
        # In a thread of its own: Playwright has an event loop in the thread of the tests.
        with ThreadPoolExecutor(1) as pool:
            tally = pool.submit(simulate, server.url, credentials, seconds=SECONDS, health_seconds=0.5).result()
        time.sleep(WRITTEN_WITHIN)
        assert set(tally.statuses) == {200}
        assert tally.broken == tally.rejected == 0
        assert tally.duplicates > 0, "some batches were sent twice"
        with psycopg.connect(server.database_url) as database:

            def value(query: str) -> int:
                row = database.execute(query).fetchone()
                assert row is not None
                return int(row[0])

            written = (
                "SELECT sum(day_heartbeats) + coalesce((SELECT sum(heartbeats) FROM device_heartbeats_heartbeatday), 0)"
            )
            assert value(f"{written} FROM devices_devicepulse") == tally.heartbeats
            assert value("SELECT count(*) FROM telemetry_healthsample") == tally.accepted
            assert value("SELECT count(*) FROM devices_device WHERE clone_suspected_at IS NOT NULL") == 0
            assert value("SELECT count(*) FROM devices_device WHERE revision > 1") == 0
