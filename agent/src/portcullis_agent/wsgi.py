"""WSGI middleware that refuses requests while the site may not operate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from portcullis_agent.open_paths import OpenPaths
from portcullis_agent.refusal import REASON_PHRASE, STATUS, HasVerdict, refuse

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class LeaseMiddleware:
    """Answers 423 with the reason, but for the paths that are `always_open` (see `OpenPaths`).

    Applications find the verdict in `environ["portcullis.verdict"]` (Flask: `request.environ`, Django: `request.META`).
    """

    def __init__(self, app: App, *, agent: HasVerdict, always_open: Iterable[str] = ()) -> None:
        self.app = app
        self.agent = agent
        self.open_paths = OpenPaths(always_open)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        verdict = environ["portcullis.verdict"] = self.agent.verdict()
        method = environ.get("REQUEST_METHOD", "GET")
        if verdict.may_operate or self.open_paths.match(method, _path(environ)):
            return self.app(environ, start_response)
        headers, body = refuse(verdict, environ.get("HTTP_ACCEPT", ""))
        start_response(f"{STATUS} {REASON_PHRASE}", headers)
        return [b"" if method == "HEAD" else body]


def _path(environ: Environ) -> str:
    """WSGI hands the bytes of the path over as Latin-1 (PEP 3333); frameworks read them as UTF-8."""
    path: str = environ.get("PATH_INFO") or "/"
    return path.encode("latin-1", "replace").decode("utf-8", "replace")
