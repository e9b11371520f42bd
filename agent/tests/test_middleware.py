"""What a local backend answers while its site may not operate: the same with ASGI and with WSGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.validate import validator

import httpx
import pytest

from portcullis_agent import Agent, asgi, wsgi

from .control_plane import ControlPlane
from .simulated_clock import SimulatedClock

OPEN = ["/health", "/orders/*/pay", "/export/**"]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
DAY = 24 * 60 * 60

Ask = Callable[..., httpx.Response]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """A host application that answers each request with the notices that it was given."""
    notices = json.dumps(scope["state"]["portcullis_verdict"].notices).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": notices})


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(environ["portcullis.verdict"].notices).encode()]


@pytest.fixture
def agent(make_agent: Callable[..., Agent]) -> Agent:
    made = make_agent()
    assert made.beat().stored
    return made


@pytest.fixture(params=["asgi", "wsgi"])
def ask(request: pytest.FixtureRequest, agent: Agent) -> Ask:
    def with_asgi(method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            app: Any = asgi.LeaseMiddleware(asgi_app, agent=agent, always_open=OPEN)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def with_wsgi(method: str, path: str, **options: Any) -> httpx.Response:
        app: Any = validator(wsgi.LeaseMiddleware(wsgi_app, agent=agent, always_open=OPEN))
        with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://till") as client:
            return client.request(method, path, **options)

    return {"asgi": with_asgi, "wsgi": with_wsgi}[request.param]


@pytest.fixture
def locked(agent: Agent, plane: ControlPlane) -> None:
    plane.change(locked=True, lock_reason="Invoice <17> is not paid")
    assert agent.beat().stored


def test_a_site_that_may_operate_is_served(ask: Ask) -> None:
    assert (ask("POST", "/orders").status_code, ask("GET", "/").json()) == (200, [])


def test_the_application_reads_the_notices(ask: Ask, clock: SimulatedClock) -> None:
    clock.advance(3 * DAY)
    assert ask("GET", "/orders").json() == ["The licence server has not been reached for 3 days."]


@pytest.mark.usefixtures("locked")
def test_a_program_is_told_the_reason(ask: Ask) -> None:
    answer = ask("POST", "/orders", json={"table": 4})
    assert (answer.status_code, answer.headers["Content-Type"]) == (423, "application/problem+json")
    assert answer.json() == {
        "type": "urn:portcullis:problem:site_locked",
        "title": "This site may not operate",
        "status": 423,
        "detail": "This site is locked: Invoice <17> is not paid",
        "code": "site_locked",
    }
    assert (answer.headers["Cache-Control"], answer.headers["Retry-After"]) == ("no-store", "60")
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.usefixtures("locked")
def test_a_browser_is_shown_a_page_in_which_the_reason_is_only_text(ask: Ask) -> None:
    answer = ask("GET", "/", headers=BROWSER)
    assert (answer.status_code, answer.headers["Content-Type"]) == (423, "text/html; charset=utf-8")
    assert "Invoice &lt;17&gt; is not paid" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("*/*", False),
        ("", False),
        ("text/html;q=0", False),
        ("text/html;q=x", False),
        ("text/html;q=0.5, application/json", False),
        ("application/json;q=0.5, text/html", True),
        ("TEXT/HTML", True),
        (";;=,,q", False),
    ],
)
def test_what_the_client_accepts_decides_between_them(ask: Ask, accept: str, is_page: bool) -> None:
    answer = ask("GET", "/", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("text/html") == is_page


@pytest.mark.usefixtures("locked")
def test_a_head_request_gets_the_same_headers_and_no_body(ask: Ask) -> None:
    head, get = ask("HEAD", "/"), ask("GET", "/")
    assert (head.status_code, head.content) == (423, b"")
    assert head.headers == get.headers
    assert int(head.headers["Content-Length"]) == len(get.content)


@pytest.mark.usefixtures("locked")
def test_no_body_is_sent_to_an_asgi_server_for_head(agent: Agent) -> None:
    head = WebSocket("/", type="http", method="HEAD").open(agent)
    assert [message.get("body", b"") for message in head] == [b"", b""]


@pytest.mark.usefixtures("locked")
def test_what_is_open_can_be_finished(ask: Ask) -> None:
    for method, path in (("GET", "/health"), ("POST", "/orders/17/pay"), ("GET", "/export/all.csv")):
        assert ask(method, path).status_code == 200
    for path in ("/export/../orders", "/export/%2e%2e/orders", "/export%2f..%2forders", "//health", "/healthy"):
        assert ask("GET", httpx.URL(scheme="http", host="till", raw_path=path.encode())).status_code == 423, path


def test_a_site_that_is_unlocked_is_served_after_the_next_heartbeat(
    ask: Ask, agent: Agent, plane: ControlPlane, locked: None
) -> None:
    plane.change(locked=False, lock_reason=None)
    assert ask("GET", "/orders").status_code == 423
    assert agent.beat().stored
    assert ask("GET", "/orders").status_code == 200


def test_a_site_whose_lease_is_over_is_refused_until_a_new_one_comes(
    ask: Ask, agent: Agent, clock: SimulatedClock
) -> None:
    clock.advance(29 * DAY)
    assert ask("GET", "/orders").status_code == 200
    clock.advance(2 * DAY)
    assert ask("GET", "/orders").json()["code"] == "site_lapsed"
    assert agent.beat().stored
    assert ask("GET", "/orders").status_code == 200


def test_the_path_below_the_applications_own_prefix_counts(agent: Agent, locked: None) -> None:
    async def status(root_path: str, path: str) -> int:
        app: Any = asgi.LeaseMiddleware(asgi_app, agent=agent, always_open=OPEN)
        transport = httpx.ASGITransport(app, root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://till") as client:
            return (await client.get(path)).status_code

    assert asyncio.run(status("/till", "/till/health")) == 200
    assert asyncio.run(status("/till", "/tills/health")) == 423


class WebSocket:
    """One that a client opens; keeps what it is sent."""

    def __init__(self, path: str, **scope: Any) -> None:
        self.scope = {"type": "websocket", "path": path, "headers": [(b"accept", b"*/*")], **scope}
        self.sent: list[dict[str, Any]] = []
        self.received = 0

    async def receive(self) -> dict[str, Any]:
        self.received += 1
        return {"type": "websocket.connect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def open(self, agent: Agent) -> list[dict[str, Any]]:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})

        asyncio.run(asgi.LeaseMiddleware(app, agent=agent, always_open=OPEN)(self.scope, self.receive, self.send))
        return self.sent


def test_a_websocket_is_opened_while_the_site_may_operate(agent: Agent) -> None:
    assert WebSocket("/kitchen").open(agent) == [{"type": "websocket.accept"}]


@pytest.mark.usefixtures("locked")
def test_a_websocket_is_refused_while_it_may_not(agent: Agent) -> None:
    assert WebSocket("/export/live").open(agent) == [{"type": "websocket.accept"}]
    assert WebSocket("/kitchen").open(agent) == [
        {"type": "websocket.close", "code": 1008, "reason": "site locked"},
    ]
    start, body = WebSocket("/kitchen", extensions={"websocket.http.response": {}}).open(agent)
    assert (start["type"], start["status"], body["type"]) == (
        "websocket.http.response.start",
        423,
        "websocket.http.response.body",
    )
    assert b"Invoice" in body["body"]


@pytest.mark.usefixtures("locked")
def test_the_start_and_the_end_of_the_server_are_not_refused(agent: Agent) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    socket = WebSocket("/")
    asyncio.run(asgi.LeaseMiddleware(app, agent=agent)({"type": "lifespan"}, socket.receive, socket.send))
    assert seen == ["lifespan"]
