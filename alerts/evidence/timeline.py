"""For how long a site has been silent, without the time in which this control plane could not have heard it.

A site is silent once its heartbeat has been overdue for a time called patience. An outage of the control plane does not count
towards that time, and all sites that were not silent before it have ALERT_RETURN_SECONDS after it to come back. After a restore
they have longer: the heartbeats since the backup are lost, and a site that sent one calls again only when its next is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from alerts.models import Outage, ReceivingMark
from heartbeat.schedule import SPREAD
from sites.status import CLOCK_TOLERANCE

# An outage that ended longer ago cannot change what is judged now.
LOOK_BACK = timedelta(days=40)
MAX_OUTAGES = 1_000


class Span(NamedTuple):
    """An outage, and how long sites have after it to come back; None: the usual time."""

    began_at: datetime
    ended_at: datetime
    time_to_return: timedelta | None = None


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

    def back_at(self, outage: Span) -> datetime:
        """When the sites have had the time to come back."""
        return outage.ended_at + (self.time_to_return if outage.time_to_return is None else outage.time_to_return)

    def silent_before(self, patience: timedelta) -> datetime:
        """Sites are silent whose heartbeat was due before that moment."""
        at, count = self.known_until, len(self.outages)
        earliest = self.out_of_patience_before(at, count, patience)
        # Sites that were not silent before an outage have the time to come back after it. The same holds for that moment.
        while (index := self.index_of_return(at, count)) is not None:
            at, count = self.outages[index].began_at, index
            earliest = min(earliest, self.out_of_patience_before(at, count, patience))
        longest_patience = patience + self.longest_return()
        return max(earliest, self.out_of_patience_before(self.known_until, len(self.outages), longest_patience))

    def longest_return(self) -> timedelta:
        """Outages again and again do not hide a site for good: so long it could be heard in between, altogether."""
        return 2 * max((self.back_at(outage) - outage.ended_at for outage in self.outages), default=timedelta(0))

    def index_of_return(self, at: datetime, count: int) -> int | None:
        """Which of the first `count` outages is the first one that sites may still be coming back from."""
        return next((index for index in range(count) if at < self.back_at(self.outages[index])), None)

    def out_of_patience_before(self, at: datetime, count: int, patience: timedelta) -> datetime:
        """Before which moment a heartbeat must have been due to be overdue for that long, without the first `count` outages."""
        moment = at
        left = patience
        for outage in reversed(self.outages[:count]):
            if moment - outage.ended_at >= left:
                break
            left -= max(moment - outage.ended_at, timedelta(0))
            moment = min(moment, outage.began_at)
        return moment - left

    def silent_at(self, due_at: datetime, patience: timedelta, *, heard_at: datetime | None = None) -> datetime:
        """When a site becomes silent whose heartbeat was due at that moment: the reverse of `silent_before`.

        A site that was heard after an outage has come back from it.
        """
        out_of_patience = silent_at = due_at + patience
        for outage in self.outages:
            if heard_at and outage.ended_at <= heard_at:
                continue
            if outage.began_at <= out_of_patience:
                out_of_patience += max(outage.ended_at - max(outage.began_at, due_at), timedelta(0))
            if outage.began_at <= silent_at:
                silent_at = max(silent_at, out_of_patience, self.back_at(outage))
        return min(silent_at, self.out_of_patience_at(due_at, patience + self.longest_return()))

    def out_of_patience_at(self, due_at: datetime, patience: timedelta) -> datetime:
        """The reverse of `out_of_patience_before`."""
        moment = due_at + patience
        for outage in self.outages:
            if outage.began_at <= moment:
                moment += max(outage.ended_at - max(outage.began_at, due_at), timedelta(0))
        return moment

    def heard_since(self, moment: datetime, patience: timedelta) -> datetime:
        """The moment, or the beginning of an outage after which sites were still coming back at that moment."""
        for outage in reversed(self.outages):
            if outage.began_at < moment <= max(self.back_at(outage), outage.ended_at + patience):
                moment = outage.began_at
        return moment


def read_timeline(*, at: datetime) -> Timeline:
    marks = dict(ReceivingMark.objects.values_list("name", "at"))
    # One that ends much later was recorded by a clock that was ahead.
    recorded = Outage.objects.filter(ended_at__gt=at - LOOK_BACK, ended_at__lte=at + CLOCK_TOLERANCE)
    spans = recorded.order_by("-ended_at").values_list("began_at", "ended_at")
    restored_at = marks.get(ReceivingMark.RESTORED)
    known = [
        Span(began_at, ended_at, after_restore() if restored_at and began_at < restored_at <= ended_at else None)
        for began_at, ended_at in reversed(spans[:MAX_OUTAGES])
    ]
    outages = [span for span in known if span.ended_at <= at]
    # An outage may have ended since the judge read the clock. Without any mark no web process of this release has started yet.
    newest_mark = marks.get(ReceivingMark.WEB, at)
    known_until = min([at, newest_mark, *(span.began_at for span in known if span.ended_at > at)])
    return Timeline(outages, known_until, settings.ALERT_RETURN)


def after_restore() -> timedelta:
    """Until each site that called just before it has called again."""
    longest: timedelta = settings.HEARTBEAT_INTERVAL * (1 + SPREAD) + settings.HEARTBEAT_GRACE
    return max(longest, settings.ALERT_RETURN)
