"""Run an operation once for each Idempotency-Key, and repeat its answer when the request is sent again.

`run_once` is for an operation that is one transaction: the operation and its stored answer are committed together. The API
uses it, through `idempotency.api`, for a request with an `Idempotency-Key`.
`report_once` is for work that is many transactions, such as one for each of many sites, with one report at the end. The
panel uses it for an operation on many sites; `find_report` and its neighbours find reports again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Func, IntegerField, Q, QuerySet, When

from accounts.models import Admin
from idempotency.errors import IdempotencyKeyInUse, IdempotencyKeyReused, InvalidIdempotencyKey
from idempotency.models import IdempotentRequest

KEPT_FOR = timedelta(hours=24)
# Longer than any request of ours can take: a claim without an answer that is older belongs to a process that died.
ABANDONED_AFTER = timedelta(minutes=2)
MAX_KEY_LENGTH = 255
RELEASED_WITHIN_SECONDS = 2.5  # an answer is due within five, and a new connection may take two


@dataclass(frozen=True)
class StoredAnswer:
    """A successful answer as the API gives it; `secret` members of the body are shown once and not stored."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: tuple[str, ...] = ()
    replayed: bool = False

    def storable_body(self) -> Any:
        return {**self.body, **dict.fromkeys(self.secret)} if self.secret else self.body


def run_once(
    operation: Callable[[], StoredAnswer], *, admin: Admin, path: str, key: str, body: Mapping[str, Any], at: datetime
) -> StoredAnswer:
    """Run `operation`, or repeat its answer if this admin ran it at this path with this key within 24 hours.

    The answer is stored in the transaction of the operation: neither exists without the other.
    Raises InvalidIdempotencyKey, IdempotencyKeyReused, IdempotencyKeyInUse, and what `operation` raises.
    """
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise InvalidIdempotencyKey
    digest = digest_of(body)
    claim = claim_key(admin, path, key, digest, at)
    if claim is None:
        return repeat_answer(admin, path, key, digest)
    mine = IdempotentRequest.objects.filter(pk=claim.pk, created_at=claim.created_at, status=None)
    began = time.monotonic()
    try:
        with transaction.atomic():
            answer = operation()
            stored = mine.update(status=answer.status, body=answer.storable_body(), headers=dict(answer.headers))
            if not stored:
                raise IdempotencyKeyInUse
    except BaseException:
        release(mine, began)
        raise
    return answer


def report_once(
    work: Callable[[], Any], *, admin: Admin, path: str, key: str, body: Mapping[str, Any], at: datetime
) -> StoredAnswer:
    """Like `run_once` for work that is many transactions, such as one for each of many sites.

    If the process dies on the way, a part of the work stays done, and a retry after ABANDONED_AFTER does all of it again.
    So each part must have no further effect the second time.

    Raises IdempotencyKeyReused, IdempotencyKeyInUse, and what `work` raises.
    """
    digest = digest_of(body)
    claim = claim_key(admin, path, key, digest, at)
    if claim is None:
        return repeat_answer(admin, path, key, digest)
    mine = IdempotentRequest.objects.filter(pk=claim.pk, created_at=claim.created_at, status=None)
    began = time.monotonic()
    try:
        answer = StoredAnswer(200, work())
        mine.update(status=answer.status, body=answer.body)
    except BaseException:
        release(mine, began)
        raise
    return answer


def find_report(*, admin: Admin, path: str, key: str) -> IdempotentRequest | None:
    """The row of a `report_once`; without a status it is still under way, or was abandoned."""
    return IdempotentRequest.objects.filter(admin=admin, path=path, key=key).first()


def find_report_of_any_admin(*, path: str, key: str, rather: Admin) -> IdempotentRequest | None:
    """The same for any admin. If several admins have used the key: that of `rather`, else the oldest."""
    reports = IdempotentRequest.objects.filter(path=path, key=key).select_related("admin").order_by("created_at", "pk")
    return min(reports, key=lambda report: report.admin_id != rather.pk, default=None)


def is_abandoned(report: IdempotentRequest, *, at: datetime) -> bool:
    """Whether the process that worked on it has died, so that the work can be asked for again."""
    return report.status is None and report.created_at < at - ABANDONED_AFTER


def recent_reports(paths: Collection[str], *, at: datetime, limit: int) -> list[Any]:
    """The newest reports of the last 24 hours without their contents, with the admin and `parts`, how many results each has.

    One that is under way has no number of results; those with a single one are left out.
    """
    # CASE, because PostgreSQL may otherwise count the results of other rows, which are no lists.
    parts = Case(When(path__in=paths, then=ArrayLength("body")))
    reports = IdempotentRequest.objects.filter(path__in=paths, created_at__gte=at - KEPT_FOR).annotate(parts=parts)
    several = reports.filter(Q(status=None) | Q(parts__gt=1))
    return list(several.select_related("admin").defer("body").order_by("-created_at")[:limit])


class ArrayLength(Func):
    """How many elements a JSON array has."""

    function = "json_array_length"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="jsonb_array_length", **context)


def digest_of(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def claim_key(admin: Admin, path: str, key: str, digest: str, at: datetime) -> IdempotentRequest | None:
    """The claim, committed at once so that others see it; None if another request holds it."""
    past = IdempotentRequest.objects.filter(admin=admin, path=path, key=key)
    past.filter(created_at__lt=at - KEPT_FOR).delete()
    past.filter(created_at__lt=at - ABANDONED_AFTER, status=None).delete()
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(admin=admin, path=path, key=key, body_digest=digest, created_at=at)
    except IntegrityError:
        return None


def release(mine: QuerySet[IdempotentRequest], began: float) -> None:
    """Let a retry run at once. Not if the database hung: to connect again could take two seconds more than we may answer in.

    Then the claim is abandoned.
    """
    if time.monotonic() - began < RELEASED_WITHIN_SECONDS or connection.is_usable():
        mine.delete()


def repeat_answer(admin: Admin, path: str, key: str, digest: str) -> StoredAnswer:
    stored = IdempotentRequest.objects.filter(admin=admin, path=path, key=key).first()
    if stored is not None and stored.body_digest != digest:
        raise IdempotencyKeyReused
    if stored is None or stored.status is None:
        raise IdempotencyKeyInUse
    return StoredAnswer(stored.status, stored.body, stored.headers, replayed=True)
