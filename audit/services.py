import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.models import Event

Changes = Mapping[str, tuple[Any, Any]]


def record_event(
    action: Event.Action,
    *,
    site_id: uuid.UUID,
    site_name: str,
    by: Actor,
    at: datetime,
    reason: str | None = None,
    changes: Changes | None = None,
) -> Event:
    """Add to the history, in the caller's transaction: the change and its event stand or fall together.

    `changes` is `{field: (before, after)}`, with values that JSON can hold. The caller must hold the lock of the row that
    it changed, which is what makes the order of events the order of changes.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("record_event needs the transaction of the change that it records")
    return Event.objects.create(
        action=action,
        at=at,
        site_id=site_id,
        site_name=site_name,
        actor=by.admin,
        actor_name=by.admin.username if by.admin else None,
        role=by.admin.role if by.admin else None,
        source=by.source,
        ip=by.ip,
        request_id=by.request_id,
        reason=reason,
        changes={field: [before, after] for field, (before, after) in (changes or {}).items()},
    )
