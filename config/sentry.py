"""Reports of faults to Sentry, if SENTRY_DSN is set.

Every fault of ours is logged as an error with its traceback, and such log records are what is reported. Sentry's integrations
for Django and WSGI, which read requests, are not used. `without_request_data` builds each event anew from the few fields that
cannot hold what a client sent. The text of an exception is not among them, because PostgreSQL quotes rows in it. It stands in
the log, under the request id that the event has as a tag.
"""

import logging
from typing import Any, cast

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint

from common.web.request_ids import current_request_id

FIELDS = ("event_id", "timestamp", "level", "platform", "release", "environment", "server_name", "logger", "sdk")
FRAME_FIELDS = ("filename", "module", "function", "lineno", "in_app")


def start(dsn: str, *, version: str, environment: str) -> None:
    sentry_sdk.init(
        dsn=dsn,
        release=f"portcullis@{version}",
        environment=environment,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None)],
        before_send=without_request_data,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        shutdown_timeout=2,
    )


def without_request_data(event: Event, hint: Hint) -> Event | None:
    """None for an error without a traceback, such as a database that does not answer: metrics and alerts show those."""
    values = event.get("exception", {}).get("values", [])
    if not values:
        return None
    kept: dict[str, Any] = {name: value for name, value in event.items() if name in FIELDS}
    kept["exception"] = {"values": [without_text(value) for value in values]}
    if request_id := current_request_id.get():
        kept["tags"] = {"request_id": request_id}
    return cast("Event", kept)


def without_text(exception: dict[str, Any]) -> dict[str, Any]:
    frames = (exception.get("stacktrace") or {}).get("frames", [])
    return {
        "type": exception.get("type"),
        "module": exception.get("module"),
        "stacktrace": {"frames": [{name: frame.get(name) for name in FRAME_FIELDS} for frame in frames]},
    }
