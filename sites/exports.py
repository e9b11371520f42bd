"""Exports of sites as files. Nothing changes, but the history says who took the data of which restaurants."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.services import record_event
from sites.events import SITES, SiteListAction

MAX_RECORDED_FILTERS = 500
MAX_RECORDED_SITES = 200


@transaction.atomic
def record_export(
    number: int, *, by: Actor, at: datetime, filters: str = "", selected: Sequence[uuid.UUID] = ()
) -> None:
    """Record that `number` sites are exported: those that the filters show, or the selected ones among them.

    To be called before the file is sent: a person who breaks the download off has a part of it.
    """
    changes: dict[str, tuple[Any, Any]] = {"exported_sites": (None, number)}
    if filters:
        changes["filters"] = (None, filters[:MAX_RECORDED_FILTERS])
    if selected:
        changes["selected_sites"] = (None, [str(site_id) for site_id in selected[:MAX_RECORDED_SITES]])
    record_event(SiteListAction.EXPORTED, subject=SITES, by=by, at=at, changes=changes)
