"""Acknowledging one or many incidents: a colleague takes care, and the others need not."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.generic.edit import FormMixin

from alerts.errors import AlreadyResolved
from alerts.incidents.services import acknowledge_incident
from alerts.kinds import State
from alerts.models import Incident
from audit.actors import acting_admin
from audit.models import Event
from panel.alerts.incidents.forms import AcknowledgeForm
from panel.alerts.views import AlertsView
from panel.kept_forms import take_kept_entries
from panel.widgets.times import plural

PERMISSION = "alerts.acknowledge_incident"
MAX_INCIDENTS = 100
LARGEST_NUMBER = 2**63 - 1


class AcknowledgeView(FormMixin, AlertsView):
    """The URL names the incidents by their numbers. The page lists them and asks for a note; the page of an incident has
    the same form."""

    permission_required = PERMISSION
    template_name = "panel/alerts/incidents/acknowledge.html"
    form_class = AcknowledgeForm

    @cached_property
    def incidents(self) -> Sequence[Incident]:
        """Those that are not resolved, the newest first."""
        given = {int(text) for text in self.request.GET.getlist("incident") if text.isascii() and text.isdecimal()}
        numbers = sorted((number for number in given if number <= LARGEST_NUMBER), reverse=True)[:MAX_INCIDENTS]
        found = Incident.objects.filter(pk__in=numbers).select_related("acknowledged_by").newest_first()
        return list(found)

    @property
    def open_ones(self) -> Sequence[Incident]:
        return [incident for incident in self.incidents if incident.state == State.OPEN]

    def get_form_kwargs(self) -> dict[str, Any]:
        kept = take_kept_entries(self.request)
        return {**super().get_form_kwargs(), **({"data": kept} if kept else {})}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        number = len(self.open_ones)
        what = self.open_ones[0].title if number == 1 else plural(number, "incident")
        titles = {"title": f"Acknowledge {what}", "page_title": f"Acknowledge · {what}"}
        others = len(self.incidents) - number
        return super().get_context_data(**{**titles, "incidents": self.open_ones, "others": others, **kwargs})

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_to_response(self.get_context_data()) if self.open_ones else self.nothing_to_do()

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.get_form()
        if not self.open_ones:
            return self.nothing_to_do()
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def form_valid(self, form: AcknowledgeForm) -> HttpResponse:
        by, at = acting_admin(self.request, Event.Source.ADMIN), timezone.now()
        acknowledged, resolved = [], 0
        for incident in self.open_ones:
            try:
                acknowledged.append(
                    acknowledge_incident(incident.id, by=by, at=at, note=form.cleaned_data["note"] or None)
                )
            except AlreadyResolved:
                resolved += 1
        if acknowledged:
            what = acknowledged[0].title if len(acknowledged) == 1 else plural(len(acknowledged), "incident")
            messages.success(self.request, f"Acknowledged: {what}.")
        if resolved:
            messages.info(self.request, f"{plural(resolved, 'incident')} had been resolved before.")
        return HttpResponseRedirect(self.next_page())

    def next_page(self) -> str:
        if len(self.incidents) == 1:
            return reverse("admin:alerts_incident_change", args=[self.incidents[0].pk])
        return reverse("admin:alerts_incident_changelist")

    def nothing_to_do(self) -> HttpResponse:
        messages.info(self.request, "None of these incidents is open any more.")
        return HttpResponseRedirect(self.next_page())
