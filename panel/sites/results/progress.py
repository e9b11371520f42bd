"""How far an operation has come at its sites: which of them have been told, and which act by it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from panel.sites.next_heartbeat import is_silent, told_at
from panel.sites.operations.expected_results import ResultKind
from panel.widgets.badges import badge
from panel.widgets.times import at_moment, second_near
from sites.models import Site
from sites.receipts import ReceiptStage


class Stage(StrEnum):
    """In the order of the page: what is missing comes first."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    DELIVERED = "delivered"
    UNREPORTED = "unreported"
    CHANGED = "changed"
    APPLIED = "applied"


# Of each stage the words in the sentence that counts, and the badge.
COUNT_WORDS: Mapping[Stage, str] = {
    Stage.APPLIED: "applied",
    Stage.DELIVERED: "delivered",
    Stage.REQUESTED: "not delivered yet",
    Stage.UNKNOWN: "unknown",
    Stage.UNREPORTED: "without receipts",
    Stage.CHANGED: "changed since",
}
BADGES: Mapping[Stage, SafeString] = {
    Stage.UNKNOWN: badge("offline", "unknown"),
    Stage.REQUESTED: badge("none", "not delivered yet"),
    Stage.DELIVERED: badge("late", "delivered"),
    Stage.UNREPORTED: badge("none", "no receipts"),
    Stage.CHANGED: badge("unchanged", "changed since"),
    Stage.APPLIED: badge("done", "applied"),
}
ON_SITE = ("name", "revision", "updated_at", "deregistered_at")
ON_PULSE = (
    "due_at",
    "last_seen_at",
    "lease_revision",
    "delivered_at",
    "applied_revision",
    "applied_state",
    "applied_at",
)
COLUMNS = (*ON_SITE, *(f"pulse__{name}" for name in ON_PULSE))


@dataclass(frozen=True)
class SiteProgress:
    """`is_final`: no heartbeat will say more."""

    stage: Stage
    words: SafeString
    is_final: bool = False

    @property
    def badge(self) -> SafeString:
        return BADGES[self.stage]

    @property
    def position(self) -> int:
        return list(Stage).index(self.stage)


def progress_of(results: Sequence[Mapping[str, Any]], *, at: datetime) -> Mapping[str, SiteProgress]:
    """By the site's id, for each site that the operation has changed and that is told of it. One statement."""
    revisions = {
        result["site_id"]: result["revision"]
        for result in results
        if result["kind"] == ResultKind.DONE and result.get("told") and result.get("revision")
    }
    if not revisions:
        return {}
    sites = Site.objects.filter(pk__in=revisions).select_related("pulse").only(*COLUMNS)
    return {str(site.pk): progress_at(site, revisions[str(site.pk)], at=at) for site in sites}


def progress_at(site: Site, revision: int, *, at: datetime) -> SiteProgress:
    """`revision` is that of the site just after the operation."""
    pulse, stage = site.pulse, site.receipt_stage
    if site.revision != revision:
        since = at_moment(site.updated_at, now=at)
        return SiteProgress(Stage.CHANGED, format_html("Changed again {}", since), is_final=True)
    if stage == ReceiptStage.APPLIED:
        when = format_html(" {}", second_near(pulse.applied_at, now=at)) if pulse.applied_at else ""
        return SiteProgress(Stage.APPLIED, format_html("Applied{} ({})", when, pulse.applied_state), is_final=True)
    if stage == ReceiptStage.UNREPORTED and pulse.last_seen_at and pulse.last_seen_at > site.updated_at:
        words = format_html("Told {}; its agent reports nothing more", at_moment(pulse.last_seen_at, now=at))
        return SiteProgress(Stage.UNREPORTED, words, is_final=True)
    if is_silent(site, at=at) and pulse.last_seen_at:
        words = format_html("Unknown since its last heartbeat {}", at_moment(pulse.last_seen_at, now=at))
        return SiteProgress(Stage.UNKNOWN, words)
    if stage == ReceiptStage.DELIVERED:
        when = format_html(" {}", second_near(pulse.delivered_at, now=at)) if pulse.delivered_at else ""
        return SiteProgress(Stage.DELIVERED, format_html("Delivered{}, not applied yet", when))
    if stage == ReceiptStage.UNREPORTED:
        return SiteProgress(Stage.UNREPORTED, format_html("Not told yet: {}", told_at(site, at=at)))
    return SiteProgress(Stage.REQUESTED, format_html("Not delivered yet: {}", told_at(site, at=at)))


def count_sentence(progress: Mapping[str, SiteProgress]) -> str:
    """As in "Applied 9, delivered 2, not delivered yet 1."."""
    numbers = Counter(each.stage for each in progress.values())
    parts = [
        f"{words} {numbers[stage]:,}"
        for stage, words in COUNT_WORDS.items()
        if numbers[stage] or stage == Stage.APPLIED
    ]
    sentence = ", ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."
