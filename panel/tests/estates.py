"""Sites in every combination of states, and the attention item that is expected of each."""

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from sites.models import Site, SitePulse

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

STATUSES = ("online", "late", "offline", "never_seen")
LOCKS = ("unlocked", "received", "pending")
LICENCES = {"long": 200 * DAY, "a month": 20 * DAY, "days": 3 * DAY, "expired": -5 * DAY}
AGES = {"old": 40 * DAY, "new": HOUR}


@dataclass(frozen=True)
class Kind:
    status: str
    lock: str
    licence: str
    is_active: bool
    is_gone: bool
    age: str
    has_clone: bool = False
    is_refused: bool = False
    # Whether its agent was told of the present state and has not applied it.
    is_stuck: bool = False

    @property
    def name(self) -> str:
        flags = ("active" if self.is_active else "inactive", "gone" if self.is_gone else "here")
        also = [
            word
            for word, holds in (("clone", self.has_clone), ("refused", self.is_refused), ("stuck", self.is_stuck))
            if holds
        ]
        return " ".join((self.status, self.lock, self.licence, *flags, self.age, *also))

    @property
    def is_licensed(self) -> bool:
        return self.is_active and self.licence != "expired"

    @property
    def attention_kind(self) -> str | None:
        """Of its attention item on the dashboard, if any: the rule of `panel.dashboard.attention`, written independently."""
        is_silent = self.status in ("late", "offline")
        if self.is_gone:
            return None
        if self.lock == "received" and self.is_stuck:
            return "lock_not_applied"
        if self.lock != "unlocked":
            return "lock_overdue" if self.lock == "pending" and is_silent else None
        if not self.is_licensed:
            return "expired_in_use" if self.is_active and self.status in ("online", "late") else None
        if self.is_refused and self.status != "online":
            return "wrong_key"
        if is_silent:
            return self.status
        if self.has_clone and self.status == "online":
            return "clone_suspected"
        if self.status == "never_seen" and self.age == "old":
            return "never_seen"
        return "ending" if self.licence == "days" else None


def every_kind() -> Iterator[Kind]:
    flags = (True, False)
    yield from (Kind(*facts) for facts in itertools.product(STATUSES, LOCKS, LICENCES, flags, flags, AGES))
    yield from (Kind(*facts, False, True) for facts in itertools.product(STATUSES, LOCKS, LICENCES, flags, flags, AGES))
    called = [status for status in STATUSES if status != "never_seen"]
    yield from (Kind(*facts, True) for facts in itertools.product(called, LOCKS, LICENCES, flags, flags, ["old"]))
    kinds = itertools.product(called, ("unlocked", "received"), ["long"], [True], flags, ["old"])
    yield from (Kind(*facts, is_stuck=True) for facts in kinds)


def create_sites(kinds: list[Kind]) -> dict[uuid.UUID, Kind]:
    """Write a site of each kind, as the services would."""
    at, ids = timezone.now(), [uuid.uuid4() for _ in kinds]
    Site.objects.bulk_create(site_of(kind, pk, at) for kind, pk in zip(kinds, ids, strict=True))
    SitePulse.objects.bulk_create(pulse_of(kind, pk, at) for kind, pk in zip(kinds, ids, strict=True))
    return dict(zip(ids, kinds, strict=True))


def site_of(kind: Kind, pk: uuid.UUID, at: datetime) -> Site:
    is_locked = kind.lock != "unlocked"
    return Site(
        pk=pk,
        name=kind.name,
        owner_name="Giulia",
        contact_email="giulia@roma.example",
        is_active=kind.is_active,
        is_locked=is_locked,
        lock_reason="unpaid invoice 118" if is_locked else None,
        locked_at=at - (HOUR if kind.lock == "pending" and kind.status == "online" else 2 * DAY) if is_locked else None,
        license_expires_at=at + LICENCES[kind.licence],
        deregistered_at=at - DAY if kind.is_gone else None,
        created_at=at - AGES[kind.age],
        search_text=kind.name,
    )


def pulse_of(kind: Kind, pk: uuid.UUID, at: datetime) -> SitePulse:
    refusal = dict.fromkeys(("last_refused_at", "refused_since"), at - MINUTE) if kind.is_refused else {}
    if kind.status == "never_seen":
        return SitePulse(pk=pk, **refusal)
    due_in = {"online": HOUR, "late": -settings.HEARTBEAT_GRACE / 2, "offline": -settings.HEARTBEAT_GRACE - DAY}
    due_at = at + due_in[kind.status]
    reply_locked = {"unlocked": False, "received": True, "pending": False}[kind.lock]
    return SitePulse(
        pk=pk,
        last_seen_at=due_at - settings.HEARTBEAT_INTERVAL,
        due_at=due_at,
        version="1.0.0",
        reply_locked=reply_locked,
        clone_suspected_at=at - HOUR if kind.has_clone else None,
        **({"lease_revision": 1, "applied_revision": 0, "delivered_at": at - HOUR} if kind.is_stuck else {}),
        **refusal,
    )
