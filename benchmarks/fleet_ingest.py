"""How many health samples are stored in a second, and how long a backlog takes, on gunicorn and a durable PostgreSQL.

    python -m benchmarks.fleet_ingest [--seconds 20] [--devices 1000]

The client runs on the same machine, and so do both servers: the numbers are what is left to them.
"""

import argparse
import http.client
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

from benchmarks import load, postgres, servers, usage
from benchmarks.fleet import HEADERS, PATH
from benchmarks.postgres import Database
from benchmarks.seeding import write_lines
from benchmarks.servers import Server

SCRIPT = Path(__file__).with_name("samples.lua")
CONNECTIONS = 16
BACKLOG_DEVICES, BACKLOG_DAYS, BATCH = 200, 3, 50
FIVE_MINUTES, DAY = timedelta(minutes=5), timedelta(days=1)
WARM_UP_SECONDS = 3
# Each of 32 connections calls 10 times a second or less: as many heartbeats as 10,000 devices send.
HEARTBEAT_SECONDS, HEARTBEAT_PAUSE_MS = 4, 95

Credentials = tuple[str, str]


@dataclass(frozen=True)
class Result:
    """Milliseconds of the processors are for each sample."""

    samples: int
    seconds: float
    p50: float
    p99: float
    server_cpu: float
    postgres_cpu: float

    def __str__(self) -> str:
        return (
            f"{self.samples / self.seconds:8,.0f} samples a second, p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms; processor"
            f" time for each sample: gunicorn {1000 * self.server_cpu:.0f} µs, PostgreSQL {1000 * self.postgres_cpu:.0f} µs"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--devices", type=int, default=1_000)
    chosen = parser.parse_args()
    servers.clean_up_when_stopped()
    with tempfile.TemporaryDirectory(prefix="portcullis-fleet-") as name, postgres.cluster() as cluster:
        folder = Path(name)
        database = cluster.create_database("fleet")
        environment = servers.production_settings(database)
        servers.prepare(environment)
        os.environ |= environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
        django.setup()
        devices = register(chosen.devices)
        with servers.shipped(environment, folder) as server:
            pids = (server.pid, cluster.pid)
            for batch in (50, 1):
                store(devices, folder, server, database, batch=batch, seconds=WARM_UP_SECONDS, pids=pids)
                result = store(devices, folder, server, database, batch=batch, seconds=chosen.seconds, pids=pids)
                print(f"{batch:3} in a call: {result}", flush=True)
            backlog(register(BACKLOG_DEVICES), server, beating=devices, folder=folder)
        roll_up(database)
        room(database)


def register(number: int) -> list[Credentials]:
    """Devices at one site, and the partitions of the days that are sent."""
    from django.utils import timezone

    from audit.actors import SYSTEM
    from fleet.devices.services import register_device
    from fleet.telemetry.partitions import TABLES, add_day, partitioned_days
    from sites.services import register_site

    at = timezone.now()
    facts = {"owner_name": "Giulia", "contact_email": "giulia@roma.example"}
    site = register_site(name=f"Roma {number}", **facts, by=SYSTEM, at=at).site
    made = [register_device(site.pk, device_id=f"till-{each}", by=SYSTEM, at=at) for each in range(number)]
    for table in TABLES:
        for ago in range(BACKLOG_DAYS + 2):
            day = (at - ago * DAY).astimezone(UTC).date()
            if day not in partitioned_days(table):
                in_a_transaction(lambda table=table, day=day: add_day(table, day))
    return [(str(new.device.pk), new.device_key) for new in made]


def in_a_transaction(change: Any) -> None:
    from django.db import transaction

    with transaction.atomic():
        change()


def store(
    devices: Sequence[Credentials],
    folder: Path,
    server: Server,
    database: Database,
    *,
    batch: int,
    seconds: float,
    pids: Sequence[int],
) -> Result:
    """All that is sent is new."""
    time.sleep(1)  # until the calls are answered that were under way before
    database.execute("TRUNCATE telemetry_healthsample, telemetry_markedhour", "CHECKPOINT")
    (folder / "devices.csv").write_text("".join(f"{device_id},{key}\n" for device_id, key in devices))
    settings = {
        "DEVICES": str(folder / "devices.csv"),
        "SAMPLES": str(batch),
        "SINCE": str(int((datetime.now(UTC) - DAY).timestamp())),
    }
    before = [usage.cpu_seconds(pid) for pid in pids]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout=10s", "-s", str(SCRIPT), server.url]
    done = subprocess.run(
        command, env={"PATH": os.environ["PATH"]} | settings, capture_output=True, text=True, check=True
    )
    used = [usage.cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before, strict=True)]
    seen = json.loads(done.stdout.partition("JSON ")[2])
    assert (seen["refused"], seen["broken"]) == (0, 0), seen
    time.sleep(1)
    stored = database.count("telemetry_healthsample")
    # When wrk stops, each connection may have a call under way.
    assert 0 <= stored - batch * seen["requests"] <= batch * CONNECTIONS, (stored, seen)
    cpu = [1000 * each / stored for each in used]
    return Result(batch * seen["requests"], seen["seconds"], seen["p50"], seen["p99"], *cpu)


# --- A backlog -------------------------------------------------------------------------------------------------------


def backlog(devices: Sequence[Credentials], server: Server, *, beating: Sequence[Credentials], folder: Path) -> None:
    """Each device sends what it measured in some days, in batches one after the other, all devices at once.

    Other devices call at the same time, for less time than the backlog takes.
    """
    end = datetime.now(UTC)
    file = write_lines(folder / "beating.csv", (f"{device_id},{key}" for device_id, key in beating))
    aim = load.Target(server.url, PATH, file, settings=HEADERS | {"PAUSE_MS": str(HEARTBEAT_PAUSE_MS)})
    started = time.monotonic()
    with load.running(aim, seconds=HEARTBEAT_SECONDS) as heartbeats, ThreadPoolExecutor(CONNECTIONS) as threads:
        latencies = sorted(
            latency
            for of_device in threads.map(lambda device: send(device, server, end=end), devices)
            for latency in of_device
        )
        seconds = time.monotonic() - started
        seen = heartbeats.result()
    assert seconds > HEARTBEAT_SECONDS, f"The backlog was sent within {seconds:.1f} s: measure fewer heartbeats."
    samples = len(devices) * (BACKLOG_DAYS * DAY // FIVE_MINUTES)
    print(
        f"a backlog of {BACKLOG_DAYS} days from {len(devices)} devices: {samples:,} samples in {seconds:.1f} s, "
        f"p50 {1000 * latencies[len(latencies) // 2]:.0f} ms, p99 {1000 * latencies[len(latencies) * 99 // 100]:.0f} ms; "
        f"{seen.per_second:.0f} heartbeats a second at the same time, p50 {seen.p50:.0f} ms, p99 {seen.p99:.0f} ms, "
        f"{seen.errors} errors",
        flush=True,
    )


def send(device: Credentials, server: Server, *, end: datetime) -> list[float]:
    """The seconds that each call took."""
    device_id, key = device
    headers = {"Content-Type": "application/json", "X-Device-ID": device_id, "X-Device-Key": key}
    moments = [end - number * FIVE_MINUTES for number in range(1, BACKLOG_DAYS * DAY // FIVE_MINUTES + 1)]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    latencies = []
    for first in range(0, len(moments), BATCH):
        samples = [
            {
                "at": moment.isoformat(),
                "cpu_usage_percent": 12.5,
                "memory_used_mb": 512,
                "memory_total_mb": 2048,
                "temperature_celsius": 48.2,
            }
            for moment in moments[first : first + BATCH]
        ]
        body = json.dumps({"samples": samples})
        started = time.monotonic()
        connection.request("POST", "/api/health", body, headers)
        answer = connection.getresponse()
        verdict = json.loads(answer.read())
        latencies.append(time.monotonic() - started)
        assert verdict == {"accepted": len(samples), "duplicates": 0, "rejected": []}, verdict
    connection.close()
    return latencies


# --- Afterwards --------------------------------------------------------------------------------------------------------


def roll_up(database: Database) -> None:
    from django.utils import timezone

    from fleet.telemetry.rollup import compute_marked_hours

    samples, started = database.count("telemetry_healthsample"), time.monotonic()
    computed = compute_marked_hours(at=timezone.now(), most=10**9) or {}
    seconds = time.monotonic() - started
    hours = computed["health_hours"]
    print(f"the job computed {hours:,} hours of {samples:,} samples in {seconds:.1f} s", flush=True)


def room(database: Database) -> None:
    from django.utils import timezone

    from fleet.telemetry.storage import storage_use

    by_table = {table.table: table for table in storage_use(at=timezone.now()).tables}
    for name in ("telemetry_healthsample", "telemetry_healthhour"):
        rows = max(1, database.count(name))
        print(f"{name}: {by_table[name].total / rows:.0f} bytes a row with the index")


if __name__ == "__main__":
    main()
