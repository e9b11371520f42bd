"""The page of a roll-out: its waves as they go, what comes next, its devices and its history."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from fleet.rollouts.events import ROLLOUT
from fleet.rollouts.models import Rollout
from panel.events.timeline import timeline
from panel.fleet.rollouts.badges import progress_bar, rollout_badge, words_of
from panel.fleet.rollouts.changes import CHANGES, PERMISSION
from panel.fleet.rollouts.counts import BACK, RolloutCounts, total
from panel.fleet.rollouts.page.devices import devices_of_state
from panel.fleet.rollouts.page.next_step import next_step
from panel.fleet.rollouts.page.selection import selection_words
from panel.fleet.rollouts.page.waves import wave_rows
from panel.fleet.rollouts.views import OneRolloutView

MAX_EVENTS = 30


class Button(NamedTuple):
    label: str
    url: str
    is_destructive: bool


class RolloutView(OneRolloutView):
    http_method_names = ["get"]
    permission_required = "rollouts.view_rollout"
    template_name = "panel/fleet/rollouts/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        rollout, at = self.rollout, timezone.now()
        counts = RolloutCounts([rollout])
        waves = wave_rows(rollout, counts)
        numbers, back = counts.of(rollout.pk), counts.of(rollout.pk, direction=BACK)
        given = request.GET
        return self.render_to_response(
            self.get_context_data(
                title=rollout.name,
                page_title=f"{rollout.name} · Roll-outs",
                badge=rollout_badge(rollout),
                bar=progress_bar(numbers),
                words=words_of(numbers),
                back=words_of(back) if total(back) else "",
                next_step=next_step(rollout, [row.wave for row in waves], at=at),
                buttons=buttons_for(rollout) if request.user.has_perm(PERMISSION) else [],
                waves=waves,
                selection=selection_words(rollout),
                devices=devices_of_state(rollout, counts, asked=given.get("state", ""), page=given.get("p", "1")),
                events=timeline(Event.objects.of(ROLLOUT, rollout.pk).newest_first()[:MAX_EVENTS]),
                events_url=events_url(rollout),
            )
        )


class RolloutHistoryView(OneRolloutView):
    """Leads to the list of events, which are the history of a roll-out."""

    http_method_names = ["get"]
    permission_required = "rollouts.view_rollout"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(events_url(self.rollout))


def buttons_for(rollout: Rollout) -> list[Button]:
    return [
        Button(change.label, reverse(f"admin:rollouts_rollout_{name}", args=[rollout.pk]), change.is_destructive)
        for name, change in CHANGES.items()
        if change.applies_to(rollout)
    ]


def events_url(rollout: Rollout) -> str:
    query = urlencode({"subject_type": ROLLOUT, "subject_id": rollout.pk})
    return f"{reverse('admin:audit_event_changelist')}?{query}"
