import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Max

from audit.actors import Actor
from audit.chain import checkpoint_hash, events_between, hash_of
from audit.models import Checkpoint, Event
from common.errors import Conflict

# Advisory locks of PostgreSQL. Transactions that record an event share the first one.
RECORDING_LOCK, CHECKPOINT_LOCK = 20_260_701, 20_260_702
RECORDING_LOCK_WAIT_MS = 1_000
LOCK_NOT_AVAILABLE = "55P03"

Changes = Mapping[str, tuple[Any, Any]]


class CheckpointDelayed(Conflict):
    code = "checkpoint_delayed"
    title = "No checkpoint was made, because a long transaction is recording an event; try again"


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
    lock_chain(subject)
    event = Event(
        action=action,
        at=at,
        subject_type=subject.type,
        subject_id=str(subject.id),
        subject_name=subject.name,
        actor_id=by.admin.pk if by.admin else None,
        actor_name=by.admin.username if by.admin else None,
        role=by.admin.role if by.admin else None,
        source=by.source,
        token_name=by.token_name,
        ip=by.ip,
        request_id=by.request_id,
        reason=reason,
        changes={field: [before, after] for field, (before, after) in (changes or {}).items()},
        previous_hash=newest_hash(subject),
        salt=secrets.token_hex(16),
    )
    event.hash = hash_of(event)
    event.save(force_insert=True)
    return event


def lock_chain(subject: Subject) -> None:
    """Wait for other transactions that record an event about this subject. On SQLite a transaction is alone anyway."""
    connection = transaction.get_connection()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(%s), pg_advisory_xact_lock(hashtextextended(%s, 0))",
                [RECORDING_LOCK, f"audit:{subject.type}:{subject.id}"],
            )


def newest_hash(subject: Subject) -> str:
    """Of the newest event that has a hash: one that SQL has inserted by hand must not keep the subject from being changed."""
    hashed = Event.objects.of(subject.type, subject.id).exclude(hash="").newest_first()
    return hashed.values_list("hash", flat=True).first() or ""


def add_checkpoint(*, at: datetime) -> Checkpoint | None:
    """Store a checkpoint of the events since the last one; None if there are no new events."""
    last_sequence = last_complete_sequence()
    with transaction.atomic():
        wait_for_lock(CHECKPOINT_LOCK)
        before = Checkpoint.objects.order_by("-last_sequence").first()
        beginning = before.last_sequence if before else 0
        if last_sequence <= beginning:
            return None
        hashes = list(events_between(beginning, last_sequence))
        return Checkpoint.objects.create(
            at=at,
            last_sequence=last_sequence,
            events=len(hashes),
            hash=checkpoint_hash(before.hash if before else "", hashes),
        )


@transaction.atomic
def last_complete_sequence() -> int:
    """The number of the newest event; no event with a smaller number can be committed later.

    Events get their numbers when they are inserted, but are committed in another order. So this waits until no transaction has
    an uncommitted event, and keeps others from recording one only while it reads the number. Those who come while it waits
    queue behind it, so it soon gives up: raises CheckpointDelayed.
    """
    wait_for_lock(RECORDING_LOCK, for_ms=RECORDING_LOCK_WAIT_MS)
    return Event.objects.aggregate(Max("sequence"))["sequence__max"] or 0


def wait_for_lock(lock: int, *, for_ms: int | None = None) -> None:
    """Raises CheckpointDelayed after `for_ms`."""
    # Not a lock of the table: the role that runs the product may have no right to it (deploy/postgresql_grants.sql).
    connection = transaction.get_connection()
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if for_ms is not None:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{for_ms}ms"])
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE:
                raise CheckpointDelayed from error
            raise
