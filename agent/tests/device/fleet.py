"""The fleet's part of a control plane for tests, in memory or behind a real HTTP server in a thread. It is strict."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from ..control_plane import _Server
from ..signing import SigningKey, rfc3339

CODE = "pec_test"
HEALTH_FIELDS = {"cpu_usage_percent", "memory_used_mb", "memory_total_mb", "disk_used_percent"}
HEARTBEAT_FIELDS = {"status", "firmware_version", "uptime_seconds", "boot_id", "sequence", "config_version"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
METRIC = re.compile(r"[a-z0-9_]{1,64}\Z")
Answer = tuple[int, dict[str, Any]]


class Fleet:
    """One location. A test changes its attributes; `planned` are answers that come before the true ones."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.key = SigningKey.named("fleet")
        self.retired: list[SigningKey] = []
        self.unlisted: set[str] = set()
        self.codes = {CODE: 1}
        self.devices: dict[str, dict[str, Any]] = {}  # by id
        self.heartbeats: list[dict[str, Any]] = []
        self.heartbeats_at: list[float] = []
        self.next_seconds: float = 30
        self.config: dict[str, Any] = {}
        self.config_version = 1
        self.commands: list[dict[str, Any]] = []
        self.licensed, self.locked = True, False
        self.requests: list[tuple[str, str]] = []  # method and path
        self.batches: list[tuple[str, int]] = []  # kind and number of items
        self.planned: list[tuple[str, int, dict[str, str], dict[str, Any]]] = []  # path, status or 0, headers, body
        self.most_items = 1000
        self.samples: dict[str, dict[str, Any]] = {}
        self.periods: list[dict[str, Any]] = []
        self.firmware: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.offer: dict[str, Any] | None = None
        self.cuts: list[int] = []  # after how many bytes the next answers with a file are cut off
        self.ranges: list[str | None] = []
        self.etag = '"one"'
        self.ignores_ranges = False
        self.connections: set[object] = set()

    # Devices

    def register(self, body: dict[str, Any], device: dict[str, Any] | None) -> Answer:
        if device is not None:
            device |= body
            return 200, self._shown(device)
        code = body.get("enrolment_code", "")
        if self.codes.get(code, 0) < 1:
            return 401, {"code": "invalid_enrolment_code", "detail": "The code is not valid."}
        known = next((d for d in self.devices.values() if d["device_id"] == body["device_id"]), None)
        if known is not None and not body.get("replace"):
            return 409, {"code": "device_exists", "detail": "There is such a device."}
        self.codes[code] -= 1
        made = known or {"id": str(uuid.uuid4())}
        made |= {name: value for name, value in body.items() if name not in {"enrolment_code", "replace"}}
        made["key"] = f"pdk_{uuid.uuid4().hex}"
        self.devices[made["id"]] = made
        return 201, {**self._shown(made), "device_key": made["key"]}

    @staticmethod
    def _shown(device: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in device.items() if name != "key"}

    def device(self, device: str | None, key: str | None) -> dict[str, Any] | None:
        found = self.devices.get(device or "")
        return found if found is not None and found["key"] == key else None

    def heartbeat(self, body: dict[str, Any]) -> Answer:
        assert set(body) <= HEARTBEAT_FIELDS, body
        assert body.get("status", "online") in {"online", "stopped"}
        self.heartbeats.append(body)
        self.heartbeats_at.append(self.now())
        answer: dict[str, Any] = {
            "server_time": rfc3339(self.now()),
            "next_heartbeat_seconds": self.next_seconds,
            "config_version": self.config_version,
            "commands": self.commands,
            "licensed": self.licensed,
            "locked": self.locked,
        }
        if body.get("config_version") != self.config_version:
            answer["config"] = self.config
        if self.offer is not None and body.get("firmware_version") != self.offer["version"]:
            answer["firmware"] = self.offer
        return 200, answer

    # Health and telemetry

    def take(self, kind: str, items: list[dict[str, Any]]) -> Answer:
        self.batches.append((kind, len(items)))
        if len(items) > self.most_items:
            return 413, {"code": "too_large"}
        verdicts = [self._sample(item) if kind == "health" else self._period(item) for item in items]
        rejected = [{"index": i, "errors": v} for i, v in enumerate(verdicts) if v not in {"accepted", "duplicate"}]
        return 200, {
            "accepted": verdicts.count("accepted"),
            "duplicates": verdicts.count("duplicate"),
            "rejected": rejected,
        }

    def _sample(self, item: dict[str, Any]) -> str:
        at = item.get("at", "")
        if not RFC3339.match(at) or set(item) - {"at", "temperature_celsius"} != HEALTH_FIELDS:
            return "fields are missing or not known"
        if not rfc3339(self.now() - 30 * 86400) <= at <= rfc3339(self.now() + 300):
            return "at is out of range"
        if at in self.samples:
            return "duplicate"
        self.samples[at] = item
        return "accepted"

    def _period(self, item: dict[str, Any]) -> str:
        start, end = item.get("period_start", ""), item.get("period_end", "")
        numbers = {name: value for name, value in item.items() if name not in {"period_start", "period_end"}}
        if not (RFC3339.match(start) and RFC3339.match(end) and start < end):
            return "the period has no length"
        if not numbers or not all(METRIC.match(n) and isinstance(v, (int, float)) for n, v in numbers.items()):
            return "a metric is not valid"
        if item in self.periods:
            return "duplicate"
        if any(start < other["period_end"] and other["period_start"] < end for other in self.periods):
            return "it overlaps another period"
        self.periods.append(item)
        return "accepted"

    # Firmware

    def publish(self, content: bytes, version: str = "2.0.0", key: SigningKey | None = None, **claims: Any) -> str:
        """A firmware with a manifest; its id. It is what the heartbeats offer from now on."""
        key = key or self.key
        sha256, firmware_id = hashlib.sha256(content).hexdigest(), str(uuid.uuid4())
        facts = {"product": "till", "version": version, "sha256": sha256, "size": len(content)}
        facts |= {"hardware": None, "min_from": None, **claims}
        token = key.sign({"alg": "EdDSA", "typ": "portcullis-firmware+jwt", "kid": key.kid}, facts)
        self.firmware[firmware_id] = {"id": firmware_id, **facts, "manifest": token}
        self.files[firmware_id] = content
        url = f"https://licenses.example.com/api/firmware/{firmware_id}/file"
        self.offer = {"version": version, "url": url, "sha256": sha256, "size": len(content)}
        return firmware_id

    def rotate(self) -> None:
        self.retired.append(self.key)
        self.key = SigningKey.named(f"fleet {len(self.retired)}")

    def key_set(self) -> dict[str, Any]:
        chain = [*self.retired, self.key]
        endorsed = [None, *(before.endorse(key) for before, key in zip(chain, chain[1:]))]
        keys = [
            key.jwk(state="signing" if key is self.key else "retired", endorsement=endorsement)
            for key, endorsement in zip(chain, endorsed)
        ]
        return {"keys": [k for k in keys if k["kid"] not in self.unlisted], "endorsements": [e for e in endorsed if e]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fleet: Fleet

    def do_POST(self) -> None:
        fleet = self.fleet
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        device = self._begin()
        if self._is_planned():
            return
        if self.path == "/api/devices/register" and "X-Device-ID" not in self.headers:
            self.answer(*fleet.register(body, None))
        elif device is None:
            self.answer(401, {"code": "invalid_device_credentials", "detail": "Not accepted."})
        elif self.path == "/api/devices/register":
            self.answer(*fleet.register(body, device))
        elif self.path == "/api/devices/heartbeat":
            self.answer(*fleet.heartbeat(body))
        elif self.path in {"/api/health", "/api/telemetry"}:
            kind = self.path.rpartition("/")[2]
            self.answer(*fleet.take(kind, body["samples" if kind == "health" else "periods"]))
        else:
            self.answer(404, {"code": "not_found"})

    def do_GET(self) -> None:
        device = self._begin()
        if self._is_planned():
            return
        firmware_id = (re.findall(r"/api/firmware/([^/]+)", self.path) or [""])[0]
        if self.path == "/.well-known/jwks.json":
            assert "X-Device-Key" not in self.headers, "a key goes only where it is needed"
            self.answer(200, self.fleet.key_set())
        elif device is None:
            self.answer(401, {"code": "invalid_device_credentials"})
        elif firmware_id not in self.fleet.firmware:
            self.answer(404, {"code": "not_found"})
        elif self.path.endswith("/file"):
            self._send_file(self.fleet.files[firmware_id])
        else:
            self.answer(200, self.fleet.firmware[firmware_id])

    def _begin(self) -> dict[str, Any] | None:
        self.fleet.requests.append((self.command, self.path))
        self.fleet.connections.add(self.client_address)
        return self.fleet.device(self.headers["X-Device-ID"], self.headers["X-Device-Key"])

    def _is_planned(self) -> bool:
        if not self.fleet.planned or self.fleet.planned[0][0] != self.path:
            return False
        _, status, headers, body = self.fleet.planned.pop(0)
        if status:
            self.answer(status, body, **headers)
        else:  # the connection is closed without an answer
            self.close_connection = True
        return True

    def _send_file(self, content: bytes) -> None:
        fleet, start = self.fleet, 0
        wanted = self.headers["Range"]
        fleet.ranges.append(wanted)
        is_same = self.headers["If-Range"] == fleet.etag
        if wanted and is_same and not fleet.ignores_ranges:
            start = int(wanted[len("bytes=") : -1])
            if start >= len(content):
                self.answer(416, {})
                return
        self.send_response(206 if start else 200)
        self.send_header("ETag", fleet.etag)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        cut = fleet.cuts.pop(0) if fleet.cuts else len(content)
        self.wfile.write(content[start:][:cut])
        if start + cut < len(content):
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)

    def answer(self, status: int, body: dict[str, Any], **headers: str) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(fleet: Fleet) -> Iterator[str]:
    """The fleet on a free port of the loopback; yields its address."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"fleet": fleet}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
