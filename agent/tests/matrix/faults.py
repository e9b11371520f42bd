"""Answers that must change nothing, as a server, a network or an attacker may give them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from ..control_plane import ControlPlane
from ..forgeries import FOREIGN, forged_leases
from ..signing import OTHER_SITE_ID, START, SigningKey, compact, lease_claims, lease_header

Body = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """`answer` returns what the client receives, or raises what it meets. `key_set`: what the server's set is then.

    `needs_lease`: the answer is a fault only for a site that holds a newer lease.
    """

    name: str
    answer: Callable[[ControlPlane, Body], httpx.Response]
    key_set: Callable[[ControlPlane], httpx.Response] | None = None
    needs_lease: bool = False


def raises(error: Exception) -> Callable[..., httpx.Response]:
    def answer(*_: object) -> httpx.Response:
        raise error

    return answer


def responds(status: int, content: bytes = b"", **headers: str) -> Callable[..., httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda *_: httpx.Response(status, headers=named, stream=httpx.ByteStream(content))


def with_lease(make: Callable[[ControlPlane, Body], object]) -> Callable[[ControlPlane, Body], httpx.Response]:
    """An answer 200 whose `lease` is what `make` returns, and whose unsigned part says the contrary of everything."""

    def answer(plane: ControlPlane, body: Body) -> httpx.Response:
        unsigned = {"licensed": False, "locked": not plane.site["locked"], "lock_reason": "forged"}
        content = {**unsigned, "next_heartbeat_seconds": 3600, "lease": make(plane, body)}
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(content).encode()))

    return answer


def signed(
    plane: ControlPlane, body: Body, *, key: SigningKey | None = None, header: Any = None, **changes: Any
) -> str:
    """A lease that would let the site operate, or stop it if it operates, with one thing wrong."""
    opposite = {"locked": not plane.site["locked"], "lock_reason": "forged", "licensed": True}
    claims = plane.claims(body) | opposite | changes
    return (key or plane.key).lease(header=header, **claims)


def flipped(plane: ControlPlane, body: Body) -> str:
    token = signed(plane, body)
    return token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:]


def without_claim(name: str) -> Callable[[ControlPlane, Body], str]:
    def make(plane: ControlPlane, body: Body) -> str:
        claims = lease_claims(**plane.claims(body))
        del claims[name]
        return plane.key.sign(lease_header(plane.key), claims)

    return make


def attacker_key_set(plane: ControlPlane) -> httpx.Response:
    keys = [plane.chain[0].jwk(state="retired"), FOREIGN.jwk(endorsement=FOREIGN.endorse(FOREIGN))]
    return httpx.Response(200, stream=httpx.ByteStream(compact({"keys": keys})))


def by_status() -> Iterator[Fault]:
    page = b"<!doctype html><title>Error</title>"
    for status in (400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 423, 451, 500, 501, 502, 503, 504, 520):
        yield Fault(f"status {status}", responds(status, page))
    yield Fault("status 429 with Retry-After", responds(429, b"{}", Retry_After="120"))
    yield Fault("status 503 with Retry-After in words", responds(503, b"{}", Retry_After="soon"))
    yield Fault("status 204", responds(204))
    yield Fault("captive portal: redirect", responds(302, Location="http://portal.example/login"))
    yield Fault("redirect to itself", responds(308, Location="/api/heartbeat"))


def by_connection() -> Iterator[Fault]:
    yield Fault("connection refused", raises(httpx.ConnectError("[Errno 111] Connection refused")))
    yield Fault("no such host", raises(httpx.ConnectError("[Errno -2] Name or service not known")))
    yield Fault("certificate refused", raises(httpx.ConnectError("certificate verify failed: certificate has expired")))
    yield Fault("time-out of the connection", raises(httpx.ConnectTimeout("")))
    yield Fault("time-out of the answer", raises(httpx.ReadTimeout("")))
    yield Fault("connection reset", raises(httpx.ReadError("[Errno 104] Connection reset by peer")))
    yield Fault(
        "truncated body", raises(httpx.RemoteProtocolError("peer closed connection without sending complete body"))
    )
    yield Fault("wrong content length", raises(httpx.RemoteProtocolError("Too much data for declared Content-Length")))


def by_body() -> Iterator[Fault]:
    for name, content in (
        ("HTML", b"<!doctype html><h1>Welcome to our free Wi-Fi</h1>"),
        ("empty", b""),
        ("a list", b"[]"),
        ("null", b"null"),
        ("cut JSON", b'{"licensed": true, "lease": "ey'),
        ("nested deeply", b'{"lease": ' + b"[" * 30000 + b"]" * 30000 + b"}"),
        ("NaN", b'{"lease": NaN}'),
        ("repeated names", b'{"lease": null, "lease": null}'),
        ("UTF-16", '{"lease": null}'.encode("utf-16")),
        ("without lease", b'{"licensed": false, "locked": true, "lock_reason": "forged"}'),
    ):
        yield Fault(f"body: {name}", responds(200, content))
    yield Fault("body: compressed", responds(200, b"\x1f\x8b", Content_Encoding="gzip"))
    for value in (None, 5, {}, ["x"], ""):
        yield Fault(f"lease: {value!r}", with_lease(lambda *_, value=value: value))

    def huge(plane: ControlPlane, body: Body) -> httpx.Response:
        content = compact({"lease": signed(plane, body), "padding": "x" * 65536})
        return httpx.Response(200, stream=httpx.ByteStream(content))

    yield Fault("body: larger than 64 KiB", huge)


def by_lease() -> Iterator[Fault]:
    yield Fault("signature flipped", with_lease(flipped))
    foreign = with_lease(lambda plane, body: signed(plane, body, key=FOREIGN))
    yield Fault("unknown key", foreign)
    yield Fault("unknown key with its own key set", foreign, key_set=attacker_key_set)
    yield Fault("unknown key, and the key set is not there", foreign, key_set=responds(502))
    yield Fault("another site's lease", with_lease(lambda plane, body: signed(plane, body, sub=OTHER_SITE_ID)))
    yield Fault("another issuer", with_lease(lambda plane, body: signed(plane, body, iss="someone")))
    yield Fault("old nonce", with_lease(lambda plane, body: signed(plane, body, nonce="an-older-nonce-0001")))
    yield Fault("no nonce", with_lease(lambda plane, body: signed(plane, body, nonce=None)))
    yield Fault("exp before iat", with_lease(lambda plane, body: signed(plane, body, exp=5)))
    for name in ("iat", "exp", "revision", "locked", "licensed", "stop_on"):
        yield Fault(f"lease without {name}", with_lease(without_claim(name)))

    def lower(plane: ControlPlane, body: Body) -> str:
        return signed(plane, body, revision=body.get("lease_revision", 0) - 1)

    def older(plane: ControlPlane, body: Body) -> str:
        return signed(plane, body, revision=body.get("lease_revision", 0), iat=START - 1)

    yield Fault("lower revision", with_lease(lower), needs_lease=True)
    yield Fault("the same revision, older", with_lease(older), needs_lease=True)
    forged = {case.name: case.token for case in forged_leases() if case.reason in {"wrong_algorithm", "wrong_type"}}
    for name, token in forged.items():
        yield Fault(f"lease with {name}", with_lease(lambda *_, token=token: token))


FAULTS = [*by_status(), *by_connection(), *by_body(), *by_lease()]
