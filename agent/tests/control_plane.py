"""A control plane of one site for the agent's tests, in memory or behind a real HTTP server in a thread."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from portcullis_agent.client import RequestFailed

from .signing import SITE_ID, START, SigningKey

SITE_KEY = "test-site-key"


class ControlPlane:
    """Answers like the real one. A test changes its attributes; each change of the site raises `revision`."""

    def __init__(self, now: Callable[[], float] = lambda: START, *, site_id: str = SITE_ID) -> None:
        self.now = now
        self.site_id = site_id
        self.chain = [SigningKey.named("first")]
        self.revision = 1
        self.site: dict[str, Any] = {"locked": False, "lock_reason": None, "licensed": True}
        self.received: list[dict[str, Any]] = []

    @property
    def key(self) -> SigningKey:
        return self.chain[-1]

    def change(self, **changes: Any) -> None:
        self.site |= changes
        self.revision += 1

    def rotate(self) -> None:
        self.chain.append(SigningKey.named(f"key {len(self.chain)}"))

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
        return {"lease": self.key.lease(**self.claims(body)), "next_heartbeat_seconds": 21540}

    def key_set(self) -> dict[str, Any]:
        keys = [self.chain[0].jwk(state="retired" if len(self.chain) > 1 else "signing")]
        for before, key in zip(self.chain, self.chain[1:]):
            state = "signing" if key is self.key else "retired"
            keys.append(key.jwk(state=state, endorsement=before.endorse(key)))
        return {"keys": keys}


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
        self.answer(200, self.plane.key_set()) if self.path == "/.well-known/jwks.json" else self.answer(404, {})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
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
