"""How far the newest decision about a site has come, as the stages on its page: requested, delivered, applied."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.models import Event
from panel.events.words import action_words
from panel.sites.next_heartbeat import is_silent, told_at
from panel.sites.page.state import by_actor
from panel.widgets.times import at_moment, moment_ago, second_near
from sites.events import RAISE_THE_REVISION, SiteAction
from sites.models import Site
from sites.receipts import LONGEST_TIME_TO_APPLY, ReceiptStage

# A decision that is younger may be applied at any second, so that the page refreshes itself more often.
SOON = timedelta(minutes=5)
SECONDS_BETWEEN_REFRESHES = 4
DECISIONS = RAISE_THE_REVISION | {SiteAction.REGISTERED}


class Stage(NamedTuple):
    """`state` is done, pending, late or unknown; `age` is empty for what is still to come."""

    state: str
    text: SafeString
    age: SafeString | str = ""


@dataclass(frozen=True)
class Receipt:
    """`refresh` is how many seconds the page waits until it asks again, if that is less than usual."""

    decision: str
    stages: list[Stage]
    refresh: int | None


def receipt_of(site: Site, events: Iterable[Event], *, at: datetime) -> Receipt | None:
    """None for a site whose agent reports nothing, and for one whose calls are refused. `events`: its newest ones."""
    stage = site.receipt_stage
    if stage == ReceiptStage.UNREPORTED or site.deregistered_at:
        return None
    event = next((event for event in events if event.action in DECISIONS), None)
    by = format_html(" {}", by_actor(event)) if event else ""
    requested = format_html("Requested {}{}", second_near(site.updated_at, now=at), by)
    stages = [Stage("done", requested, moment_ago(site.updated_at))]
    if stage != ReceiptStage.REQUESTED:
        stages.append(delivered_stage(site, at=at))
    stages.append(applied_stage(site, at=at) if stage == ReceiptStage.APPLIED else missing_stage(site, at=at))
    is_soon = stage != ReceiptStage.APPLIED and at - site.updated_at < SOON
    decision = action_words(event).label if event else "Change"
    return Receipt(decision, stages, SECONDS_BETWEEN_REFRESHES if is_soon else None)


def delivered_stage(site: Site, *, at: datetime) -> Stage:
    delivered_at = site.pulse.delivered_at
    if delivered_at is None:  # before this was recorded
        return Stage("done", SafeString("Delivered"))
    return Stage("done", format_html("Delivered {}", second_near(delivered_at, now=at)), moment_ago(delivered_at))


def applied_stage(site: Site, *, at: datetime) -> Stage:
    pulse = site.pulse
    if pulse.applied_at is None:
        return Stage("done", format_html("Applied ({})", pulse.applied_state))
    text = format_html("Applied {} ({})", second_near(pulse.applied_at, now=at), pulse.applied_state)
    return Stage("done", text, moment_ago(pulse.applied_at))


def missing_stage(site: Site, *, at: datetime) -> Stage:
    """What is still to come, or why it is not known."""
    pulse = site.pulse
    if is_silent(site, at=at):
        assert pulse.last_seen_at is not None
        since = at_moment(pulse.last_seen_at, now=at)
        text = format_html("Unknown since its last heartbeat {}", since)
        return Stage("unknown", text, moment_ago(pulse.last_seen_at))
    if site.receipt_stage == ReceiptStage.REQUESTED:
        return Stage("pending", format_html("Not delivered yet: {}", told_at(site, at=at)))
    is_late = pulse.delivered_at is not None and pulse.delivered_at < at - LONGEST_TIME_TO_APPLY
    return Stage("late" if is_late else "pending", SafeString("Not applied yet"))
