"""How many sites each of the fixed views of the list has (decisions/0094)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.core.cache import caches

from panel.dashboard.counts import count_each
from sites.attention import pulses_needing_attention
from sites.models import Site, SitePulse

# Counting those that need attention reads all pulses. Of few sites that is cheap; building the query is not.
FEW_SITES = 2_000
KEPT_FOR, KEPT_FOR_FEW = timedelta(minutes=5), timedelta(seconds=30)
KEY = "sites-needing-attention"


def view_counts(*, at: datetime) -> Mapping[str, int]:
    """By the name of the view; that of `attention` may be as old as KEPT_FOR, or KEPT_FOR_FEW if there are few sites."""
    live = Site.objects.live()
    views = {"ending": live.ending(at=at), "locked": live.filter(is_locked=True)}
    kept = caches["counters"].get(KEY)
    if kept is not None:
        return {**count_each(views), "attention": kept}
    pulses = SitePulse.objects.filter(pulses_needing_attention(at)).exclude(site__in=Site.objects.deregistered())
    counts = count_each({**views, "attention": pulses, "all": live})
    keep_attention_count(counts["attention"], sites=counts["all"])
    return counts


def keep_attention_count(count: int, *, sites: int) -> None:
    kept_for = KEPT_FOR if sites > FEW_SITES else KEPT_FOR_FEW
    caches["counters"].set(KEY, count, timeout=kept_for.total_seconds())


def keep_attention_count_of_many(count: int, *, sites: int) -> None:
    """For the dashboard, which counts them anyway. Of few sites they are counted again soon, which spares it a write."""
    if sites > FEW_SITES:
        keep_attention_count(count, sites=sites)
