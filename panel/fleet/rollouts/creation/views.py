"""Creating a roll-out, in two steps: the form, then the dry run. Nothing is stored before the second is confirmed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from fleet.firmware.errors import FirmwareNotFound, FirmwareWithdrawn
from fleet.rollouts import services
from fleet.rollouts.errors import RolloutAlreadyCreated, RolloutInvalid
from fleet.rollouts.planning import Plan, plan_rollout
from fleet.rollouts.waves import DEFAULT_WAVES
from panel.fleet.rollouts.changes import PERMISSION
from panel.fleet.rollouts.creation.forms import RolloutForm, WavesFormSet, usual_waves
from panel.fleet.rollouts.creation.plan import planned_waves
from panel.fleet.rollouts.page.selection import words_of_selection
from panel.fleet.rollouts.views import rollout_page_url
from panel.fleet.views import FleetView
from panel.kept_forms import take_kept_entries
from panel.sites.operations.selection import read_uuid
from sites.models import Site

# Where a refusal of the service belongs in the form; the others are shown above it.
FIELDS = {"name": "name", "pilot_location_id": "pilot_site_id", "selection/location_ids": "location_ids"}
TITLE = "Create a roll-out"


class CreateRolloutView(FleetView):
    """`step` is "plan" for the dry run, "create" to store it, and "edit" to go back to the form."""

    http_method_names = ["get", "post"]
    permission_required = PERMISSION

    def get(self, request: HttpRequest) -> HttpResponse:
        kept = take_kept_entries(request)
        firmware_id = read_uuid(request.GET.get("firmware", ""))
        initial = {"firmware": firmware_id} if firmware_id else {}
        form = RolloutForm(kept, initial=initial, firmware_id=firmware_id)
        return self.show_form(form, WavesFormSet(kept, initial=usual_waves(), prefix="waves"))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RolloutForm(request.POST, firmware_id=read_uuid(request.POST.get("firmware", "")))
        waves: Any = WavesFormSet(request.POST, initial=usual_waves(), prefix="waves")
        is_valid = all([form.is_valid(), waves.is_valid()])
        if request.POST.get("step") == "edit" or not is_valid:
            return self.show_form(form, waves)
        facts = {**form.facts(), "waves": waves.waves}
        try:
            if request.POST.get("step") == "create":
                return self.create(form, facts)
            plan = plan_rollout(**facts, at=timezone.now())
        except RolloutInvalid as error:
            form.add_error(FIELDS.get(error.field or ""), error.detail)
            return self.show_form(form, waves)
        except (FirmwareNotFound, FirmwareWithdrawn) as error:
            form.add_error("firmware", error.detail)
            return self.show_form(form, waves)
        return self.show_plan(form, waves, plan)

    def create(self, form: RolloutForm, facts: dict[str, Any]) -> HttpResponse:
        rollout_id = form.cleaned_data["rollout_id"]
        try:
            services.create_rollout(**facts, rollout_id=rollout_id, by=self.by, at=timezone.now())
        except RolloutAlreadyCreated:
            messages.info(self.request, "This roll-out was created already.")
        else:
            messages.success(self.request, f"Created: {facts['name']}. Nothing happens until you start it.")
        return HttpResponseRedirect(rollout_page_url(rollout_id))

    def show_form(self, form: RolloutForm, waves: Any) -> HttpResponse:
        self.template_name = "panel/fleet/rollouts/create.html"
        more = waves.forms[len(DEFAULT_WAVES) :]
        return self.render_to_response(
            self.get_context_data(
                title=TITLE,
                form=form,
                waves=waves,
                usual_number=len(DEFAULT_WAVES),
                uses_more_waves=any(wave.errors or wave["percent"].value() for wave in more),
            )
        )

    def show_plan(self, form: RolloutForm, waves: Any, plan: Plan) -> HttpResponse:
        self.template_name = "panel/fleet/rollouts/plan.html"
        pilot = Site.objects.filter(pk=plan.pilot_site_id).first() if plan.pilot_site_id else None
        sent = [(name, value) for name, values in self.request.POST.lists() for value in values if is_entry(name)]
        return self.render_to_response(
            self.get_context_data(
                title=f"Dry run: {form.cleaned_data['name']}",
                page_title=f"Dry run · {form.cleaned_data['name']}",
                form=form,
                entries=sent,
                plan=plan,
                pilot=pilot,
                selection=words_of_selection(form.facts()["selection"]),
                waves=planned_waves(plan),
            )
        )


def is_entry(name: str) -> bool:
    return name not in ("csrfmiddlewaretoken", "step")
