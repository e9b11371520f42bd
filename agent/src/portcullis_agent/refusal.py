"""The response 423 of a local backend whose site may not operate: a problem for programs, a page for browsers."""

from __future__ import annotations

import html
import json
from typing import Protocol

from portcullis_agent.verdict import Verdict

STATUS = 423
REASON_PHRASE = "Locked"
RETRY_AFTER_SECONDS = 60  # the agent tells a new decision to all processes within seconds; the heartbeat brings it


class HasVerdict(Protocol):
    """An agent, as the middleware sees it."""

    def verdict(self) -> Verdict: ...


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>This site may not operate</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.125rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 12vh auto; padding: 0 1.25rem }}
h1 {{ font-size: 1.5rem; line-height: 1.25 }}
p {{ overflow-wrap: anywhere }}
</style>
</head>
<body>
<main>
<h1>This site may not operate</h1>
<p>{reason}</p>
<p>Load this page again when the cause is settled.</p>
</main>
</body>
</html>
"""


def refuse(verdict: Verdict, accept: str) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of the response. `accept` is the request's header of that name, or empty."""
    if prefers_html(accept):
        media_type = "text/html; charset=utf-8"
        body = _PAGE.format(reason=html.escape(verdict.reason or "")).encode()
    else:
        media_type = "application/problem+json"
        body = json.dumps(
            {
                "type": f"urn:portcullis:problem:site_{verdict.state}",
                "title": "This site may not operate",
                "status": STATUS,
                "detail": verdict.reason,
                "code": f"site_{verdict.state}",
            }
        ).encode()
    headers = [
        ("Content-Type", media_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Retry-After", str(RETRY_AFTER_SECONDS)),
        ("Vary", "Accept"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ]
    return headers, body


def prefers_html(accept: str) -> bool:
    """Whether the client names HTML, and does not name JSON at least as much. Wildcards say nothing."""
    asked = {"html": 0.0, "json": 0.0}
    for part in accept.lower().split(",")[:50]:
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        kind = "html" if media_type in {"text/html", "application/xhtml+xml"} else media_type[-4:]
        if kind in asked:
            asked[kind] = max(asked[kind], _quality(parameters))
    return asked["html"] > asked["json"]


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
