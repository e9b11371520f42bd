"""ASGI middleware that refuses requests while the site may not operate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from portcullis_agent.open_paths import OpenPaths
from portcullis_agent.refusal import STATUS, HasVerdict, refuse
from portcullis_agent.verdict import Verdict

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1


class LeaseMiddleware:
    """Answers 423 with the reason, but for the paths that are `always_open` (see `OpenPaths`).

    Applications find the verdict in `request.state.portcullis_verdict` (FastAPI, Starlette), else in
    `scope["state"]["portcullis_verdict"]`. A websocket is refused when it is opened; one that is open stays open.
    """

    def __init__(self, app: App, *, agent: HasVerdict, always_open: Iterable[str] = ()) -> None:
        self.app = app
        self.agent = agent
        self.open_paths = OpenPaths(always_open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:  # the start and the end of the server
            await self.app(scope, receive, send)
            return
        verdict = self.agent.verdict()
        if verdict.may_operate or self.open_paths.match(scope.get("method", "GET"), _path(scope)):
            scope.setdefault("state", {})["portcullis_verdict"] = verdict
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(scope, send, verdict, "http.response")
        else:
            await receive()  # websocket.connect
            if "websocket.http.response" in (scope.get("extensions") or {}):
                await _answer(scope, send, verdict, "websocket.http.response")
            else:
                await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": f"site {verdict.state}"})


def _path(scope: Scope) -> str:
    """The path below `root_path`, as the routes of an application see it."""
    path: str = scope["path"]
    root: str = (scope.get("root_path") or "").rstrip("/")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path


async def _answer(scope: Scope, send: Send, verdict: Verdict, message: str) -> None:
    accept = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept").decode("latin-1")
    headers, body = refuse(verdict, accept)
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": f"{message}.start", "status": STATUS, "headers": encoded})
    await send({"type": f"{message}.body", "body": b"" if scope.get("method") == "HEAD" else body})
