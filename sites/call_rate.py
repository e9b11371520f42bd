"""How often a site calls, and which rate is far more than what it is told.

`SitePulse.recent_calls` is the number of calls in about the last day: each heartbeat adds one, and a call counts less the
longer ago it was (after a day e times less), so that a site with a steady pace gets its calls a day without counting rows
of the history. `heartbeat.statement` has the same formula.
"""

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from sites.models import SitePulse

DAY = timedelta(days=1)
FAR_TOO_OFTEN = 10  # times the expected number
# A site that is restarted a few times, or has a licence that ends soon, calls more often than told.
NEVER_TOO_MANY = 40
# Of `math.exp`: what is below it counts as nothing, and PostgreSQL would refuse to compute it.
SMALLEST_EXPONENT = -100


def recent_calls_with_one_more(pulse: SitePulse, *, at: datetime) -> float:
    if pulse.recent_calls is None:
        return 1
    days = (pulse.last_seen_at - at) / DAY if pulse.last_seen_at else 0
    return 1 + pulse.recent_calls * math.exp(max(min(days, 0), SMALLEST_EXPONENT))


def expected_calls_a_day() -> float:
    return DAY / settings.HEARTBEAT_INTERVAL


def most_calls_a_day() -> float:
    """A site that calls more often in a day calls too often."""
    return max(FAR_TOO_OFTEN * expected_calls_a_day(), NEVER_TOO_MANY)


def calling_too_often(at: datetime) -> Q:
    """A condition on a SitePulse; a site that has not called for a day does not call too often any more."""
    return Q(recent_calls__gt=most_calls_a_day(), last_seen_at__gt=at - DAY)


def calls_too_often(pulse: SitePulse, *, at: datetime) -> bool:
    """The same about one pulse."""
    calls, last_seen_at = pulse.recent_calls, pulse.last_seen_at
    return calls is not None and last_seen_at is not None and calls > most_calls_a_day() and last_seen_at > at - DAY
