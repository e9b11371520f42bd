import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.models import Event

Changes = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Subject:
    """What an event is about. `type` is also the namespace of its actions; `name` is recorded as it is now."""

    type: str
    id: uuid.UUID | int | str
    name: str


def record_event(
    action: str,
    *,
    subject: Subject,
    by: Actor,
    at: datetime,
    reason: str | None = None,
    changes: Changes | None = None,
) -> Event:
    """Add an event in the caller's transaction, so that a change and its event are committed together or not at all.

    `changes` is `{field: (before, after)}`, with values that JSON can hold. The caller must hold the lock of the row that
    it changed, which makes the order of events the order of changes. Raises RuntimeError outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("record_event needs the transaction of the change that it records")
    return Event.objects.create(
        action=action,
        at=at,
        subject_type=subject.type,
        subject_id=str(subject.id),
        subject_name=subject.name,
        actor_id=by.admin.pk if by.admin else None,
        actor_name=by.admin.username if by.admin else None,
        role=by.admin.role if by.admin else None,
        source=by.source,
        ip=by.ip,
        request_id=by.request_id,
        reason=reason,
        changes={field: [before, after] for field, (before, after) in (changes or {}).items()},
    )
