"""The devices of the demo's restaurants: three to eight each, which call while the demo runs.

Their keys are kept in var/demo/devices.json, so that a later `make demo` lets the same devices call again.
"""

import heapq
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from demo_agents import FOLDER

FILE = FOLDER / "devices.json"
KINDS = (
    ("till", "Till at the bar", "rpi-5"),
    ("printer", "Kitchen printer", "esc-pos-bridge"),
    ("till", "Till at the door", "rpi-5"),
    ("display", "Kitchen display", "rpi-4"),
    ("camera", "Camera in the yard", "cam-2"),
    ("printer", "Bar printer", "esc-pos-bridge"),
    ("till", "Till on the terrace", "rpi-5"),
    ("display", "Menu screen", "rpi-4"),
)
FEWEST, MOST = 3, len(KINDS)
VERSIONS = ("1.4.0", "1.4.0", "1.4.1", "1.3.9")
HOURS_OF_HISTORY, MINUTES_BETWEEN_SAMPLES = 24, 20
CALLERS_AT_ONCE = 8
# Of the devices, one of so many plays that part.
NEVER_CALLS, FALLS_SILENT, STOPS = 19, 13, 17


class Sender(Protocol):
    """Sends one request, and again if the server is busy."""

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any: ...


@dataclass(frozen=True)
class DemoDevice:
    number: int
    id: str
    key: str
    version: str
    prints: bool

    @property
    def headers(self) -> dict[str, str]:
        return {"X_Device_ID": self.id, "X_Device_Key": self.key}

    @property
    def calls_on(self) -> bool:
        return not any(self.plays(part) for part in (NEVER_CALLS, FALLS_SILENT, STOPS))

    def plays(self, part: int) -> bool:
        return self.number % part == part // 2


def kinds_of(restaurant: int) -> tuple[tuple[str, str, str], ...]:
    """By the number of a restaurant."""
    return KINDS[: FEWEST + restaurant % (MOST - FEWEST + 1)]


def enrol(sender: Sender, restaurant: int, *, site_id: str, site_key: str) -> list[DemoDevice]:
    """Register the devices of a restaurant through its local backend. Raises RuntimeError."""
    made = []
    for position, (role, name, hardware) in enumerate(kinds_of(restaurant)):
        number = restaurant * MOST + position
        version = VERSIONS[number % len(VERSIONS)]
        facts = {"role": role, "name": name, "hardware": hardware, "firmware_version": version}
        body = {"device_id": f"{role}-{position + 1}", **facts}
        answer = sender.send("POST", "/api/devices/register", body, X_Site_ID=site_id, X_Site_Key=site_key)
        if answer.status != 201:
            raise RuntimeError(f"A device was not registered ({answer.status}): {answer.body}")
        made.append(DemoDevice(number, answer.body["id"], answer.body["device_key"], version, role == "printer"))
    return made


def begin(sender: Sender, devices: list[DemoDevice]) -> None:
    """The last day of all that ever call, and their first heartbeat."""
    with ThreadPoolExecutor(CALLERS_AT_ONCE) as pool:
        list(pool.map(lambda device: live_a_day(sender, device), devices))
    FILE.write_text(json.dumps([asdict(device) for device in devices]), encoding="utf-8")


def live_a_day(sender: Sender, device: DemoDevice) -> None:
    if device.plays(NEVER_CALLS):
        return
    now = datetime.now(UTC)
    sender.send("POST", "/api/health", {"samples": samples(device, now)}, **device.headers)
    if device.prints:
        sender.send("POST", "/api/telemetry", {"periods": periods(device, now)}, **device.headers)
    call(sender, device)


def samples(device: DemoDevice, now: datetime) -> list[dict[str, Any]]:
    chance, warm = random.Random(device.number), 40 + device.number % 15
    found = []
    for number in range(HOURS_OF_HISTORY * 60 // MINUTES_BETWEEN_SAMPLES):
        at = now - timedelta(minutes=number * MINUTES_BETWEEN_SAMPLES)
        busy = 35 if at.hour in (11, 12, 18, 19, 20) else 8
        found.append(
            {
                "at": at.isoformat(timespec="seconds"),
                "cpu_usage_percent": round(min(99.0, busy * chance.uniform(0.5, 1.6)), 1),
                "memory_used_mb": 600 + busy * 8 + chance.randrange(60),
                "memory_total_mb": 2_000,
                "temperature_celsius": round(warm + busy / 5 + chance.uniform(-2, 2), 1),
                "disk_used_percent": 31.5,
            }
        )
    return found


def periods(device: DemoDevice, now: datetime) -> list[dict[str, Any]]:
    chance, hour = random.Random(device.number), now.replace(minute=0, second=0, microsecond=0)
    return [
        {
            "period_start": (hour - timedelta(hours=number + 1)).isoformat(),
            "period_end": (hour - timedelta(hours=number)).isoformat(),
            "total_prints": chance.randrange(40),
            "average_queue_seconds": round(chance.uniform(0.2, 4), 2),
        }
        for number in range(HOURS_OF_HISTORY)
    ]


def call(sender: Sender, device: DemoDevice) -> float:
    """One heartbeat; the seconds until the next one."""
    status = "stopped" if device.plays(STOPS) else "online"
    report = {"status": status, "firmware_version": device.version, "config_version": 1}
    answer = sender.send("POST", "/api/devices/heartbeat", report, **device.headers)
    return float(answer.body["next_heartbeat_seconds"]) if answer.status == 200 else 30.0


def known_devices() -> list[DemoDevice]:
    """Of an earlier demo; none if it left no keys."""
    try:
        return [DemoDevice(**row) for row in json.loads(FILE.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def keep_calling(sender: Sender, devices: list[DemoDevice], ended: threading.Event) -> None:
    """Let them call when they are told to, until `ended`."""
    queue = [(time.monotonic() + number % 20, number) for number, device in enumerate(devices) if device.calls_on]
    heapq.heapify(queue)
    while queue and not ended.is_set():
        due, number = queue[0]
        if ended.wait(max(0.0, due - time.monotonic())):
            return
        try:
            pause = call(sender, devices[number])
        except OSError:
            pause = 30.0  # the server is away: it may come back
        heapq.heapreplace(queue, (time.monotonic() + pause, number))
