"""A control plane of one site for the agent's tests, in memory or behind a real HTTP server in a thread."""

from __future__ import annotations

import hashlib
import json
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portcullis_agent.client import RequestFailed

from .signing import SITE_ID, START, SigningKey

SITE_KEY = "test-site-key"


class ControlPlane:
    """Answers like the real one. A test changes its attributes; each change of the site raises `revision`."""

    def __init__(self, now: Callable[[], float] = lambda: START, *, site_id: str = SITE_ID) -> None:
        self.now = now
        self.site_id = site_id
        self.chain = [SigningKey.named("first")]
        self.published: list[SigningKey] = []
        self.unlisted: set[str] = set()  # the `kid`s of keys that have left the set
        self.fetched: list[float] = []
        self.etag: str | None = None
        self.statuses: list[int] = []  # of the answers over HTTP
        self.revision = 1
        self.site: dict[str, Any] = {"locked": False, "lock_reason": None, "licensed": True}
        self.received: list[dict[str, Any]] = []
        self.received_at: list[float] = []  # by `now`
        self.doorbell: list[object] = []  # what each answer has in `doorbell`; an old server's answers do not have it
        self.doorbell_status: int | None = None  # what it answers at once
        self.changed = threading.Condition()
        self.waits: list[dict[str, list[str]]] = []  # the queries of all waits
        self.waiting = self.most_waiting = 0
        self.doorbell_connections: set[object] = set()

    @property
    def key(self) -> SigningKey:
        return self.chain[-1]

    def change(self, **changes: Any) -> None:
        with self.changed:
            self.site |= changes
            self.revision += 1
            self.changed.notify_all()

    def publish(self) -> SigningKey:
        self.published.append(SigningKey.named(f"key {len(self.chain) + len(self.published)}"))
        return self.published[-1]

    def rotate(self) -> None:
        """The oldest published key signs from now on, or a new one."""
        self.chain.append(self.published.pop(0) if self.published else SigningKey.named(f"key {len(self.chain)}"))

    def claims(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "sub": self.site_id,
            "iat": int(self.now()),
            "nonce": body.get("nonce"),
            "revision": self.revision,
            **self.site,
        }

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, object]) -> dict[str, Any]:
        if (site_id, site_key) != (self.site_id, SITE_KEY):
            raise RequestFailed("The server does not accept this site's id and key (401).")
        self.received.append(body)
        self.received_at.append(self.now())
        named = {"doorbell": self.doorbell[-1]} if self.doorbell else {}
        return {"lease": self.key.lease(**self.claims(body)), "next_heartbeat_seconds": 21540, **named}

    def wait(self, since: int, seconds: float, has_left: Callable[[], bool]) -> int | None:
        """The revision as soon as it is above `since`; None if the time passed or the client left."""
        end = time.monotonic() + seconds
        with self.changed:
            self.waiting += 1
            self.most_waiting = max(self.waiting, self.most_waiting)
            try:
                while self.revision <= since and time.monotonic() < end and not has_left():
                    self.changed.wait(0.02)
                return self.revision if self.revision > since else None
            finally:
                self.waiting -= 1

    def key_set(self) -> dict[str, Any]:
        self.fetched.append(self.now())
        keys, endorsements, before = [], [], None
        for key in [*self.chain, *self.published]:
            signer, before = before, before if key in self.published else key
            state = "published" if key in self.published else "signing" if key is self.key else "retired"
            endorsement = signer.endorse(key) if signer else None
            endorsements += [endorsement] if endorsement else []
            if key.kid not in self.unlisted:
                keys.append(key.jwk(state=state, endorsement=endorsement))
        return {"keys": keys, "endorsements": endorsements}

    def changed_key_set(self) -> dict[str, Any] | None:
        return self.key_set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plane: ControlPlane

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            answer = self.plane.heartbeat(self.headers["X-Site-ID"], self.headers["X-Site-Key"], body)
        except RequestFailed:
            self.answer(401, {"code": "invalid_site_credentials"})
        else:
            self.answer(200, answer)

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/doorbell":
            self.answer_wait()
            return
        if self.path != "/.well-known/jwks.json":
            self.answer(404, {})
            return
        key_set = self.plane.key_set()
        etag = self.plane.etag or f'"{hashlib.sha256(json.dumps(key_set).encode()).hexdigest()[:32]}"'
        known = self.headers["If-None-Match"] == etag
        self.answer(304 if known else 200, key_set, ETag=etag)

    def answer_wait(self) -> None:
        plane, query = self.plane, parse_qs(urlsplit(self.path).query)
        plane.waits.append(query)
        plane.doorbell_connections.add(self.client_address)
        if plane.doorbell_status is not None:
            self.answer(plane.doorbell_status, {})
        elif (self.headers["X-Site-ID"], self.headers["X-Site-Key"]) != (plane.site_id, SITE_KEY):
            self.answer(401, {"code": "invalid_site_credentials"})
        else:
            revision = plane.wait(int(query["since"][0]), float(query["wait"][0]), self.has_left)
            self.answer(204 if revision is None else 200, {"revision": revision})

    def has_left(self) -> bool:
        """Whether the client closed the connection. It sends nothing else while it waits."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def answer(self, status: int, body: dict[str, Any], **headers: str) -> None:
        content = b"" if status in {204, 304} else json.dumps(body).encode()
        self.plane.statuses.append(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no error of the server."""


@contextmanager
def served(plane: ControlPlane, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The control plane on a free port of the loopback; yields its address."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"plane": plane}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
