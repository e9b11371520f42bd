"""Runs a history through the product's own services, on a clock that jumps to the next moment at which something can change.

The sites' heartbeats are written directly, by the rule of `heartbeat.schedule`. The judge runs at those of its usual moments,
ALERT_CHECK_SECONDS apart, before which something has happened that it can notice. A transport that only records takes the place
of the outside world.
"""

import heapq
import random
import uuid
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from alerts.channels.secrets import ADDRESS, SIGNING_SECRET, sealed
from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict
from alerts.evidence.marks import mark_receiving, note_restore
from alerts.evidence.timeline import Span, Timeline, read_timeline
from alerts.incidents.conditions import LOCK_PATIENCE
from alerts.incidents.judge import check_alerts
from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery, Incident, IncidentSite, ReceivingMark
from alerts.outbox.delivery import deliver_channel
from alerts.simulation.history import HOUR, START, History, SimulatedSite, instant
from alerts.simulation.snapshots import Snapshot
from audit.actors import COMMAND
from heartbeat.schedule import pace_of, seconds_until_next_call
from sites.models import Site, SitePulse
from sites.services import deregister_site, extend_license, lock_site, unlock_site

# A web process notes that often that it can receive heartbeats; see alerts/evidence/marks.py.
MARK_LAG = 10.0
LONGEST_RETRY = 600.0  # of a local backend that could not reach us
LATENCY = 1.0
START_IN_UTC = START.replace(tzinfo=None)
UPDATE = """
    UPDATE sites_sitepulse
       SET last_seen_at = %s, due_at = %s, reply_licensed = %s, reply_locked = %s
     WHERE site_id = %s
"""
# What happens first of what happens at the same moment.
BACKUP, BACK, CHANGE, CALL, LOOK, TICK = range(6)


@dataclass(frozen=True)
class Told:
    """A message at the outside: when, and on which channel."""

    at: float
    channel: str
    message: Message


@dataclass(frozen=True)
class Noticed:
    """A site was said to be offline, by an incident of its own or by one that covers several."""

    at: float
    site: int
    incident: str
    is_alone: bool


class Call(NamedTuple):
    """A heartbeat, and when the next one was said to be due; whether the site had service then."""

    at: float
    due: float
    has_service: bool


@dataclass
class State:
    """A site as it is in the world. `key` is its id for the database, `due` what the last answer said."""

    site: Site
    key: Any
    plan: SimulatedSite
    due: float = 0.0
    last: float = 0.0
    next_call: float = 0.0
    expires: float = 0.0
    usual_pause: int = 0
    answers: tuple[bool, bool] = (True, False)  # licensed, locked
    is_noticed: bool = False
    failure: int = 0
    calls: list[Call] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)


class World:
    def __init__(self, history: History, *, seed: int = 0, channels: Collection[str] = ("email", "webhook")) -> None:
        self.channels = channels
        self.history, self.randomness = history, random.Random(seed)  # noqa: S311 - no secret
        self.now = 0.0
        self.events: list[tuple[float, int, int, float]] = []
        self.ticks: set[float] = set()
        self.changed: set[int] = set()
        self.told: list[Told] = []
        self.noticed: list[Noticed] = []
        self.numbers: dict[uuid.UUID, int] = {}
        self.checks = 0
        self.snapshots: dict[float, Snapshot] = {}
        self.grace = settings.HEARTBEAT_GRACE.total_seconds()  # asked for after each heartbeat
        self.outages_begin = [one.began for one in history.outages]
        shortest = settings.ALERT_OUTAGE.total_seconds()
        known = [one for one in history.outages if one.ended - one.began >= shortest]
        spans = [Span(instant(one.began), instant(one.ended)) for one in known]
        self.timeline = Timeline(spans, instant(history.seconds), settings.ALERT_RETURN)

    # --- Before ---

    def prepare(self) -> None:
        """Fill an empty database."""
        if Site.objects.exists() or Incident.objects.exists():
            raise RuntimeError("a simulation needs an empty database")
        sites = [
            new_row(index, plan, uuid.UUID(int=self.randomness.getrandbits(128)))
            for index, plan in enumerate(self.history.sites)
        ]
        Site.objects.bulk_create(sites, batch_size=1_000)
        pulses = [
            SitePulse(site=row, last_seen_ip=plan.address) for row, plan in zip(sites, self.history.sites, strict=True)
        ]
        SitePulse.objects.bulk_create(pulses, batch_size=1_000)
        to_key = SitePulse._meta.pk.get_db_prep_value
        self.states = [
            State(
                row, to_key(row.pk, connection), plan, expires=plan.expires, usual_pause=pace_of(row.pk).usual_seconds
            )
            for row, plan in zip(sites, self.history.sites, strict=True)
        ]
        self.numbers = {row.pk: index for index, row in enumerate(sites)}
        ReceivingMark.objects.create(name=ReceivingMark.WEB, at=instant(0))
        for kind in self.channels:
            add_channel(kind, uuid.UUID(int=self.randomness.getrandbits(128)))
        for index, state in enumerate(self.states):
            self.plan_call(index, state.plan.first_call)
        for outage in self.history.outages:
            heapq.heappush(self.events, (outage.ended, BACK, 0, outage.began))
        for number, change in enumerate(self.history.changes):
            heapq.heappush(self.events, (self.when_up(change.at), CHANGE, number, 0.0))
        for restore in self.history.restores:
            heapq.heappush(self.events, (restore.backup_at, BACKUP, 0, restore.at))
        for state in self.states:
            self.plan_license(state.plan.expires)

    def plan_license(self, expires: float) -> None:
        for days in (60, 30, 14, 7, 3, 1, 0):
            if 0 <= (at := expires - days * 24 * HOUR) < self.history.seconds:
                self.tick_after(max(at, self.now))

    # --- The clock ---

    def run(self) -> None:
        self.prepare()
        handlers = {BACKUP: self.back_up, BACK: self.come_back, CHANGE: self.change, CALL: self.call, LOOK: self.look}
        while self.events and self.events[0][0] < self.history.seconds:
            self.now, kind, index, more = heapq.heappop(self.events)
            if kind == TICK:
                self.ticks.discard(self.now)
                self.check()
            else:
                handlers[kind](index, more)

    def tick_after(self, at: float) -> None:
        """Let the judge run at its next usual moment when the control plane is up."""
        every = settings.ALERT_CHECK.total_seconds()
        moment = self.when_up((at // every + 1) * every)
        moment = moment if moment % every == 0 else (moment // every + 1) * every
        if moment not in self.ticks:
            self.ticks.add(moment)
            heapq.heappush(self.events, (moment, TICK, 0, 0.0))

    def when_up(self, at: float) -> float:
        position = bisect_right(self.outages_begin, at) - 1
        return max(at, self.history.outages[position].ended) if position >= 0 else at

    # --- Sites ---

    def plan_call(self, index: int, due: float) -> None:
        state = self.states[index]
        state.due = due
        state.next_call = self.first_success(state, due + self.randomness.random() * LATENCY)
        heapq.heappush(self.events, (state.next_call, CALL, index, due))
        if state.last and state.next_call > due + self.grace:
            self.plan_look(index)

    def plan_look(self, index: int) -> None:
        due = self.states[index].due
        heard_at = instant(self.states[index].last)
        silent_at = self.timeline.silent_at(instant(due), settings.HEARTBEAT_GRACE, heard_at=heard_at)
        heapq.heappush(self.events, ((silent_at - instant(0)).total_seconds() + MARK_LAG, LOOK, index, due))

    def first_success(self, state: State, at: float) -> float:
        """The site tries until it is up and we are: each failure costs it a pause."""
        while True:
            while state.failure < len(state.plan.failures) and state.plan.failures[state.failure].ended <= at:
                state.failure += 1
            failure = state.plan.failures[state.failure] if state.failure < len(state.plan.failures) else None
            if failure and failure.began <= at:
                at = failure.ended + self.randomness.random() * LONGEST_RETRY
                continue
            up_at = self.when_up(at)
            if up_at == at:
                return at
            at = up_at + self.randomness.random() * LONGEST_RETRY

    def call(self, index: int, due: float) -> None:
        state = self.states[index]
        site = state.site
        if site.deregistered_at:
            return
        state.last = self.now
        is_licensed = state.expires > self.now
        pause = state.usual_pause
        if not is_licensed or state.expires < self.now + pause:
            until = site.license_expires_at if is_licensed else None
            pause = seconds_until_next_call(site.pk, licensed_until=until, at=instant(self.now))
        state.calls.append(Call(self.now, self.now + pause, is_licensed and not site.is_locked))
        self.changed.add(index)
        answers = (is_licensed, site.is_locked)
        if state.is_noticed or answers != state.answers:
            state.is_noticed, state.answers = False, answers
            self.tick_after(self.now)
        self.plan_call(index, self.now + pause)

    def look(self, index: int, due: float) -> None:
        """The site may be silent now."""
        state = self.states[index]
        if state.due != due or state.next_call <= self.now:
            return
        silent_at = self.known_silent_at(index)
        wait = (silent_at - instant(self.now)).total_seconds() + MARK_LAG
        if wait > 0:
            heapq.heappush(self.events, (self.now + wait, LOOK, index, due))
        else:
            state.is_noticed = True
            self.tick_after(self.now)

    def known_silent_at(self, index: int) -> datetime:
        """By what the database knows, which is not what the site was answered if a backup was restored since."""
        self.write_calls()
        pulse = SitePulse.objects.get(pk=self.states[index].site.pk)
        if pulse.due_at is None:
            return instant(self.history.seconds)
        timeline = read_timeline(at=instant(self.now))
        return timeline.silent_at(pulse.due_at, settings.HEARTBEAT_GRACE, heard_at=pulse.last_seen_at)

    def write_calls(self) -> None:
        rows = []
        for index in self.changed:
            state, site = self.states[index], self.states[index].site
            answers = (state.expires > state.last, site.is_locked)
            rows.append((written(state.last), written(state.due), *answers, state.key))
        self.changed.clear()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(UPDATE, rows)

    # --- Admins ---

    def change(self, number: int, _: float) -> None:
        self.write_calls()
        change = self.history.changes[number]
        state, at = self.states[change.site], instant(self.now)
        if state.site.deregistered_at:
            return
        how: dict[str, Any] = {"by": COMMAND, "at": at}
        if change.action == "lock" and not state.site.is_locked:
            state.site = lock_site(state.site.pk, reason="unpaid", **how)
            self.tick_after(state.due + LOCK_PATIENCE.total_seconds() + MARK_LAG)
        elif change.action == "unlock" and state.site.is_locked:
            state.site = unlock_site(state.site.pk, **how)
        elif change.action == "extend":
            state.site = extend_license(state.site.pk, days=365, **how)
            state.expires = (state.site.license_expires_at - instant(0)).total_seconds()
            self.plan_license(state.expires)
        elif change.action == "deregister":
            state.site = deregister_site(state.site.pk, **how)
        state.changes.append(self.now)
        state.is_noticed = True
        self.tick_after(self.now)

    # --- The control plane ---

    def check(self) -> None:
        at = instant(self.now)
        self.write_calls()
        ReceivingMark.objects.filter(pk=ReceivingMark.WEB, at__lt=at - timedelta(seconds=MARK_LAG)).update(
            at=at - timedelta(seconds=MARK_LAG)
        )
        with transaction.atomic():  # one commit for what the worker does in several
            changed = check_alerts(at=at)
        self.checks += 1
        if changed and changed["opened"]:
            alone = Incident.objects.filter(kind=Kind.SITE_OFFLINE, opened_at=at).values_list("site", "id")
            self.noticed += [Noticed(self.now, self.numbers[site], str(number), True) for site, number in alone]
        groups = Incident.objects.unresolved().filter(kind=Kind.SITES_OFFLINE_TOGETHER)
        if fading := list(groups.values_list("fading_since", flat=True)):
            self.note_members(fading, at)
        self.deliver()

    def note_members(self, fading: Collection[datetime | None], at: datetime) -> None:
        """Which sites common causes cover since now, and when these may be over that are `fading` since a moment."""
        together = IncidentSite.objects.filter(joined_at=at).values_list("site", "incident__id")
        self.noticed += [Noticed(self.now, self.numbers[site], str(number), False) for site, number in together]
        for since in filter(None, fading):
            self.tick_after((since + settings.ALERT_RETURN - instant(0)).total_seconds() - 0.001)

    def deliver(self) -> None:
        # Whether they are due, `deliver_channel` finds out by itself.
        waiting = Delivery.objects.waiting().order_by("channel").values_list("channel", flat=True).distinct()
        with transaction.atomic():
            for channel_id in list(waiting):
                deliver_channel(
                    channel_id,
                    holder="simulation",
                    is_stopping=lambda: False,
                    transport=self.record,
                    clock=lambda: instant(self.now),
                )

    def record(self, message: Message, target: Target) -> Outcome:
        self.told.append(Told(self.now, target.name, message))
        return Outcome(Verdict.DELIVERED, 200, "ok")

    def come_back(self, _: int, began: float) -> None:
        """At the end of an outage of ours, perhaps with a restored backup."""
        self.write_calls()
        ReceivingMark.objects.filter(pk=ReceivingMark.WEB).update(at=instant(began))
        if snapshot := self.snapshots.pop(self.now, None):
            snapshot.restore()
            note_restore(at=instant(self.now))
        mark_receiving(at=instant(self.now))
        self.tick_after(self.now)
        self.tick_after(self.now + settings.ALERT_RETURN.total_seconds())
        if snapshot:
            self.look_at_all()

    def look_at_all(self) -> None:
        """After a restore the database knows earlier heartbeats than the sites have sent."""
        timeline = read_timeline(at=instant(self.now))
        pulses = SitePulse.objects.in_bulk()
        for index, state in enumerate(self.states):
            state.is_noticed = True
            pulse = pulses[state.site.pk]
            if pulse.due_at:
                known = timeline.silent_at(pulse.due_at, settings.HEARTBEAT_GRACE, heard_at=pulse.last_seen_at)
                silent_at = (known - instant(0)).total_seconds()
                if silent_at < state.next_call:
                    heapq.heappush(self.events, (silent_at + MARK_LAG, LOOK, index, state.due))

    def back_up(self, _: int, restored_at: float) -> None:
        self.write_calls()
        ReceivingMark.objects.filter(pk=ReceivingMark.WEB).update(at=instant(self.now))
        self.snapshots[restored_at] = Snapshot()


def new_row(index: int, plan: SimulatedSite, site_id: uuid.UUID) -> Site:
    name = f"Restaurant {index + 1}"
    return Site(
        site_id=site_id,
        name=name,
        owner_name="Simulated",
        contact_email="site@simulated.example",
        search_text=name,
        license_expires_at=instant(plan.expires),
        created_at=instant(0),
    )


def written(at: float) -> str:
    """The moment as Django writes it into SQLite, in half the time. PostgreSQL reads it in the zone of the connection, UTC."""
    return str(START_IN_UTC + timedelta(seconds=at))


def add_channel(kind: str, channel_id: uuid.UUID) -> None:
    channel = AlertChannel(id=channel_id, name=kind, kind=kind, created_at=instant(0), shown_address="simulated")
    channel.sealed_address = sealed("simulated@vendor.example", purpose=ADDRESS, channel_id=channel.pk)
    if kind == AlertChannel.Kind.WEBHOOK:
        channel.sealed_signing_secret = sealed("whsec_", purpose=SIGNING_SECRET, channel_id=channel.pk)
    channel.save(force_insert=True)
