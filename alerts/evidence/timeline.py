"""For how long a site has been silent, without the time in which this control plane could not have heard it.

A site is silent once its heartbeat has been overdue for a time called patience. An outage of the control plane does not count
towards that time, and all sites that were not silent before it have ALERT_RETURN_SECONDS after it to come back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from alerts.models import Outage, ReceivingMark

# An outage that ended longer ago cannot change what is judged now.
LOOK_BACK = timedelta(days=40)
MAX_OUTAGES = 1_000


class Span(NamedTuple):
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Timeline:
    """`outages` are in order and do not overlap. After `known_until` it is not known whether a heartbeat could be received."""

    outages: Sequence[Span]
    known_until: datetime
    time_to_return: timedelta

    @property
    def newest_end(self) -> datetime | None:
        """When the newest outage ended."""
        return self.outages[-1].ended_at if self.outages else None

    def silent_before(self, patience: timedelta) -> datetime:
        """Sites are silent whose heartbeat was due before that moment."""
        return self._silent_before(self.known_until, len(self.outages), patience)

    def _silent_before(self, at: datetime, count: int, patience: timedelta) -> datetime:
        """As of the moment `at`, with the first `count` outages."""
        moment = at
        left = patience
        for outage in reversed(self.outages[:count]):
            if moment - outage.ended_at >= left:
                break
            left -= max(moment - outage.ended_at, timedelta(0))
            moment = min(moment, outage.began_at)
        moment -= left
        if count and at < self.outages[count - 1].ended_at + self.time_to_return:
            moment = min(moment, self._silent_before(self.outages[count - 1].began_at, count - 1, patience))
        return moment

    def silent_at(self, due_at: datetime, patience: timedelta) -> datetime:
        """When a site becomes silent whose heartbeat was due at that moment: the reverse of `silent_before`."""
        silent_at = due_at + patience
        for outage in self.outages:
            if outage.began_at < silent_at:
                silent_at += max(outage.ended_at - max(outage.began_at, due_at), timedelta(0))
                silent_at = max(silent_at, outage.ended_at + self.time_to_return)
        return silent_at


def read_timeline(*, at: datetime) -> Timeline:
    spans = Outage.objects.filter(ended_at__gt=at - LOOK_BACK).order_by("-ended_at").values_list("began_at", "ended_at")
    marked_at = ReceivingMark.objects.filter(pk=ReceivingMark.WEB).values_list("at", flat=True).first()
    outages = [Span(*span) for span in reversed(spans[:MAX_OUTAGES]) if span[1] <= at]
    # Without any mark no web process of this release has started yet.
    return Timeline(outages, min(at, marked_at or at), settings.ALERT_RETURN)
