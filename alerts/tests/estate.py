"""Sites whose heartbeats a test writes directly, the judge on a clock that the test moves, and what would be sent."""

import itertools
import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from alerts.channels.secrets import ADDRESS, SIGNING_SECRET, sealed
from alerts.evidence.marks import mark_receiving
from alerts.incidents.judge import check_alerts
from alerts.kinds import Kind
from alerts.models import AlertChannel, Delivery, Incident, IncidentSite, ReceivingMark
from heartbeat.schedule import seconds_until_next_call
from sites.models import Site, SitePulse

START = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHECK = timedelta(seconds=30)
FAR = timedelta(days=1_000)


class Estate:
    """`now` is the time of all that happens. Each check first notes that heartbeats can be received."""

    def __init__(self) -> None:
        self.now = START
        # The same in each run: when a site calls depends on its id.
        self.random = random.Random(1)
        self.addresses = (
            f"{11 + number // 65_536}.{number // 256 % 256}.{number % 256}.1" for number in itertools.count()
        )
        ReceivingMark.objects.create(name=ReceivingMark.WEB, at=self.now)

    # --- Sites ---

    def add(self, count: int = 1, *, network: str | None = None, **facts: Any) -> list[Site]:
        """Sites that called just now, each from a network of its own, or all from `network`, as in "203.0.113"."""
        sites = []
        for number in range(count):
            name = facts.get("name", f"Trattoria {number}")
            values = {"license_expires_at": self.now + FAR, "created_at": self.now, **facts, "name": name}
            site_id = uuid.UUID(int=self.random.getrandbits(128), version=4)
            sites.append(
                Site(site_id=site_id, owner_name="Giulia", contact_email="g@roma.example", search_text=name, **values)
            )
        Site.objects.bulk_create(sites)
        for number, site in enumerate(sites):
            separator = "::" if ":" in (network or "") else "."
            ip = f"{network}{separator}{number + 1}" if network else next(self.addresses)
            site.pulse = SitePulse(site=site, last_seen_ip=ip)
            self.set_heartbeat(site, at=self.now)
        SitePulse.objects.bulk_create([site.pulse for site in sites])
        return sites

    def set_heartbeat(self, site: Site, *, at: datetime, due_at: datetime | None = None) -> None:
        is_licensed = site.is_active and site.license_expires_at > at
        pause = seconds_until_next_call(site.pk, licensed_until=site.license_expires_at if is_licensed else None, at=at)
        pulse = site.pulse
        pulse.last_seen_at, pulse.due_at = at, due_at or at + timedelta(seconds=pause)
        pulse.reply_licensed, pulse.reply_locked = is_licensed, site.is_locked
        pulse.reply_locked_since = at if site.is_locked else None

    def call(self, *sites: Site, due_at: datetime | None = None) -> None:
        """Heartbeats of these sites; the next one is due as usual, or at `due_at`."""
        for site in sites:
            site.refresh_from_db()
            self.set_heartbeat(site, at=self.now, due_at=due_at)
            site.pulse.save()

    def call_regularly(self, sites: Sequence[Site], *, until: datetime) -> None:
        """These sites are heard at `until`, and will be due after it."""
        self.now = until
        self.call(*sites)

    # --- Time ---

    def check(self, **later: float) -> dict[str, int] | None:
        """Judge now, or so much later."""
        self.now += timedelta(**later)
        ReceivingMark.objects.filter(at__lt=self.now).update(at=self.now)
        return check_alerts(at=self.now)

    def check_until(self, moment: datetime, *, every: timedelta = 10 * MINUTE) -> None:
        while self.now + every < moment:
            self.now += every
            self.check()
        self.now = moment
        self.check()

    def be_down(self, duration: timedelta) -> None:
        """Nothing was received for so long, and nothing judged."""
        self.now += duration
        mark_receiving(at=self.now)

    # --- Channels ---

    def channel(self, kind: str = "webhook", **facts: Any) -> AlertChannel:
        channel = AlertChannel(name=f"{kind} {AlertChannel.objects.count()}", kind=kind, created_at=self.now)
        for name, value in facts.items():
            setattr(channel, name, value)
        address = {"email": "ops@vendor.example", "pagerduty": "0" * 32}.get(kind, "http://127.0.0.1:9/")
        channel.sealed_address = sealed(address, purpose=ADDRESS, channel_id=channel.pk)
        if kind == "webhook":
            channel.sealed_signing_secret = sealed("whsec_MDEy", purpose=SIGNING_SECRET, channel_id=channel.pk)
        channel.save()
        return channel

    # --- What is known ---

    def unresolved(self, kind: Kind | None = None) -> list[Incident]:
        incidents = Incident.objects.unresolved().order_by("sequence")
        return list(incidents.filter(kind=kind) if kind else incidents)

    def covered(self) -> dict[uuid.UUID, int]:
        """How many unresolved incidents say of a site that it is offline."""
        alone = Incident.objects.unresolved().filter(kind=Kind.SITE_OFFLINE).values_list("site", flat=True)
        grouped = IncidentSite.objects.present().values_list("site", flat=True)
        counts: dict[uuid.UUID, int] = {}
        for site_id in itertools.chain(alone, grouped):
            counts[site_id] = counts.get(site_id, 0) + 1
        return counts

    def told(self, channel: AlertChannel | None = None) -> list[tuple[str, str]]:
        """The types and kinds of the messages, in order."""
        messages = Delivery.objects.order_by("sequence").select_related("incident")
        if channel:
            messages = messages.filter(channel=channel)
        return [(message.type.removeprefix("incident."), message.incident.kind) for message in messages]


def ids(sites: Iterable[Site]) -> set[uuid.UUID]:
    return {site.pk for site in sites}


def longest_wait() -> timedelta:
    """After a heartbeat, until its site is offline at the latest."""
    wait: timedelta = settings.HEARTBEAT_INTERVAL * 1.05 + settings.HEARTBEAT_GRACE
    return wait
