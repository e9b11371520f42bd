"""Starting, pausing, resuming, aborting and rolling back a roll-out, each with a page that says what happens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.errors import DomainError
from fleet.rollouts import services
from fleet.rollouts.limits import MAX_REASON_LENGTH
from fleet.rollouts.models import Rollout
from panel.fleet.rollouts.counts import RolloutCounts
from panel.fleet.rollouts.views import OneRolloutView
from panel.fleet.views import FleetFormView
from panel.sites.forms import validate_one_line
from panel.widgets.times import plural

PERMISSION = "rollouts.manage_rollout"
State = Rollout.State
Numbers = Mapping[str, int]


class ConfirmForm(forms.Form):
    """The hidden revision refuses a page that was opened before another change."""

    revision = forms.IntegerField(widget=forms.HiddenInput)


class PauseForm(ConfirmForm):
    reason = forms.CharField(
        max_length=MAX_REASON_LENGTH,
        validators=[validate_one_line],
        widget=forms.TextInput({"class": "vTextField"}),
        help_text="Your colleagues read it on the page of the roll-out.",
    )


def on_start(rollout: Rollout, numbers: Numbers) -> str:
    waves = list(rollout.waves.all())
    if waves[0].percent is not None:
        first = f"with {waves[0].percent} % of the devices"
    elif rollout.pilot_site:
        first = f"at the pilot location {rollout.pilot_site.name}"
    else:
        first = "at a pilot location, which is chosen now"
    return (
        f"Devices get {rollout.firmware}, one of a location at a time, in the maintenance windows of their locations."
        f" It begins {first}. A wave whose gate is not met pauses the roll-out."
    )


def on_pause(rollout: Rollout, numbers: Numbers) -> str:
    in_flight = (
        f"{plural(numbers['in_flight'], 'device')} in flight will finish"
        if numbers["in_flight"]
        else "None is in flight"
    )
    return f"No further device is offered {rollout.firmware}: {numbers['waiting']:,} wait. {in_flight}."


def on_resume(rollout: Rollout, numbers: Numbers) -> str:
    reason = f"It paused because: {rollout.pause_reason} " if rollout.pause_reason else ""
    return (
        f"{reason}Devices are offered {rollout.firmware} again. The failures so far in this wave are accepted: only later"
        " ones can pause it."
    )


def on_abort(rollout: Rollout, numbers: Numbers) -> str:
    stays = (
        "Devices on the way back stop where they are."
        if rollout.state == State.ROLLING_BACK
        else f"{plural(numbers['succeeded'], 'updated device')} keep what they have."
    )
    in_flight = f" {plural(numbers['in_flight'], 'device')} in flight will finish." if numbers["in_flight"] else ""
    return (
        f"{plural(numbers['waiting'], 'waiting device')} will not be updated. {stays}{in_flight}"
        " An aborted roll-out cannot be resumed; create another one to go on."
    )


def on_roll_back(rollout: Rollout, numbers: Numbers) -> str:
    return (
        f"{plural(numbers['succeeded'], 'device')} that run {rollout.firmware} through this roll-out get the version that"
        " they ran before, again one of a location at a time and in its maintenance window."
        f" {plural(numbers['waiting'], 'waiting device')} will not be updated."
    )


@dataclass(frozen=True)
class Change:
    """A button of a roll-out; `consequences` says what it does now."""

    label: str
    past: str
    service: Callable[..., Rollout]
    states: frozenset[str]
    consequences: Callable[[Rollout, Numbers], str]
    is_destructive: bool = False
    form_class: type[ConfirmForm] = ConfirmForm

    def applies_to(self, rollout: Rollout) -> bool:
        return rollout.state in self.states and (self.past != "Rolling back" or rollout.started_at is not None)


CHANGES: Mapping[str, Change] = {
    "start": Change("Start", "Started", services.start_rollout, frozenset({State.DRAFT}), on_start),
    "pause": Change(
        "Pause", "Paused", services.pause_rollout, frozenset({State.RUNNING}), on_pause, form_class=PauseForm
    ),
    "resume": Change("Resume", "Resumed", services.resume_rollout, frozenset({State.PAUSED}), on_resume),
    "roll_back": Change(
        "Roll back",
        "Rolling back",
        services.roll_back_rollout,
        frozenset({State.RUNNING, State.PAUSED, State.ABORTED, State.FINISHED}),
        on_roll_back,
        is_destructive=True,
    ),
    "abort": Change(
        "Abort",
        "Aborted",
        services.abort_rollout,
        frozenset({State.DRAFT, State.RUNNING, State.PAUSED, State.ROLLING_BACK}),
        on_abort,
        is_destructive=True,
    ),
}


class ChangeRolloutView(FleetFormView, OneRolloutView):
    permission_required = PERMISSION
    template_name = "panel/fleet/rollouts/confirm.html"
    change: Change = None  # type: ignore[assignment] # given to as_view()

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().get(request, *args, **kwargs) if self.change.applies_to(self.rollout) else self.does_not_apply()

    def get_form_class(self) -> type[ConfirmForm]:
        return self.change.form_class

    def get_initial(self) -> dict[str, Any]:
        return {"revision": self.rollout.revision}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rollout, label = self.rollout, self.change.label
        return super().get_context_data(
            title=f"{label}: {rollout.name}",
            page_title=f"{label} · {rollout.name}",
            change=self.change,
            consequences=self.change.consequences(rollout, RolloutCounts([rollout]).of(rollout.pk)),
            **kwargs,
        )

    def form_valid(self, form: ConfirmForm) -> HttpResponse:
        facts = dict(form.cleaned_data)
        revision = facts.pop("revision")
        try:
            self.change.service(
                self.kwargs["rollout_id"], **facts, by=self.by, at=timezone.now(), expected_revisions={revision}
            )
        except DomainError as error:
            messages.error(self.request, f"{error.detail.rstrip('.')}. Nothing was changed.")
        else:
            messages.success(self.request, f"{self.change.past}: {self.rollout.name}.")
        return self.to_its_page()

    def form_invalid(self, form: ConfirmForm) -> HttpResponse:
        if "revision" in form.errors:
            messages.error(self.request, "This page has expired. Nothing was changed.")
            return self.to_its_page()
        return super().form_invalid(form) if self.change.applies_to(self.rollout) else self.does_not_apply()

    def does_not_apply(self) -> HttpResponse:
        state = State(self.rollout.state).label
        messages.info(self.request, f"The roll-out is {state}. Nothing was changed.")
        return self.to_its_page()
