"""Restaurants whose agents exist as data only: their heartbeats go straight to the service, by a clock of their own."""

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from audit.actors import SYSTEM
from heartbeat.runs import Boot
from heartbeat.services import Report, SiteCredentials, record_heartbeat
from sites.models import SitePulse
from sites.services import register_site
from tests.simulations.clone_rule import Call

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
USUAL_PAUSE = timedelta(hours=6)
# A request that has no answer by then is given up.
REQUEST_SECONDS = 30


def new_installation() -> Boot:
    return started(uuid.uuid4())


def started(instance_id: uuid.UUID) -> Boot:
    """A boot that has sent nothing yet."""
    return Boot(instance_id, uuid.uuid4(), 0)


def next_heartbeat(boot: Boot) -> Boot:
    return replace(boot, sequence=boot.sequence + 1)


@dataclass
class Restaurant:
    """A site. `calls` has each of its heartbeats in the order of their arrival, and `times` when each arrived."""

    randomness: random.Random
    counts: Counter[str]
    calls: list[Call] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = START
        registration = register_site(
            name="Trattoria", owner_name="Giulia", contact_email="g@roma.example", by=SYSTEM, at=START
        )
        self.site_id = registration.site.pk
        self.credentials = SiteCredentials(str(self.site_id), registration.secret_key)

    def wait(self, pause: timedelta) -> None:
        self.now += max(pause * self.randomness.random(), timedelta(microseconds=1))

    def hear(self, boot: Boot, *, branch: int = 0, after: timedelta = USUAL_PAUSE) -> None:
        """A heartbeat arrives after a pause of at most `after`."""
        self.wait(after)
        uptime_seconds = 60 * boot.sequence
        record_heartbeat(self.credentials, Report("1.0.0", uptime_seconds, boot=boot), ip="192.0.2.1", at=self.now)
        self.calls.append(Call(branch, boot.instance_id, boot.boot_id, boot.sequence))
        self.times.append(self.now)
        self.counts["heartbeats"] += 1

    def suspected_since(self) -> int | None:
        """The index of the heartbeat at which clones were suspected; None if they are not."""
        at = SitePulse.objects.values_list("clone_suspected_at", flat=True).get(pk=self.site_id)
        return None if at is None else self.times.index(at)

    def described(self) -> str:
        """The calls in short, as "b0:i0:r2#5": branch, installation and run by number, and the sequence."""
        instances = list(dict.fromkeys(call.instance_id for call in self.calls))
        boots = list(dict.fromkeys(call.boot_id for call in self.calls))
        return " ".join(
            f"b{call.branch}:i{instances.index(call.instance_id)}:r{boots.index(call.boot_id)}#{call.sequence}"
            for call in self.calls
        )
