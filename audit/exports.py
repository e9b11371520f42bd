"""Exports of events as files. Nothing changes, but the history says who took them."""

from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.events import EVENTS, EventListAction
from audit.services import record_event

MAX_RECORDED_FILTERS = 500


@transaction.atomic
def record_event_export(number: int, *, by: Actor, at: datetime, filters: str = "") -> None:
    """Record that `number` events are exported. To be called before the file is sent.

    `filters` must hold no personal data, such as the words of a search: an erasure does not reach this event.
    """
    changes: dict[str, tuple[Any, Any]] = {"exported_events": (None, number)}
    if filters:
        changes["filters"] = (None, filters[:MAX_RECORDED_FILTERS])
    record_event(EventListAction.EXPORTED, subject=EVENTS, by=by, at=at, changes=changes)
