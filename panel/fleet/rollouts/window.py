"""The maintenance window of a site: when its devices may be updated."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from fleet.rollouts.errors import WindowInvalid
from fleet.rollouts.models import MaintenanceWindow
from fleet.rollouts.services import USUAL_WINDOW, set_maintenance_window, windows_of
from fleet.rollouts.windows import Window, next_opening
from panel.fleet.rollouts.changes import PERMISSION
from panel.fleet.views import FleetFormView
from sites.errors import SiteNotFound
from sites.models import Site

STALE = (
    "The window was changed while you had the page open. Nothing was saved yet. Check your entries, then save again."
)


class WindowForm(forms.Form):
    # As the page showed it.
    seen = forms.CharField(widget=forms.HiddenInput)
    start = forms.TimeField(label="From", widget=forms.TimeInput({"type": "time"}, format="%H:%M"))
    end = forms.TimeField(
        label="Until",
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text="At least an hour after the start. An earlier time is on the next day.",
    )

    @property
    def window(self) -> Window:
        return Window(self.cleaned_data["start"], self.cleaned_data["end"])


class WindowView(FleetFormView):
    permission_required = PERMISSION
    template_name = "panel/fleet/rollouts/window.html"
    form_class = WindowForm

    @cached_property
    def site(self) -> Site:
        site: Site = get_object_or_404(Site.objects.live(), pk=self.kwargs["site_id"])
        return site

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.has_permission():
            _ = self.site
        return super().dispatch(request, *args, **kwargs)

    @property
    def stored(self) -> Window:
        return windows_of([self.site.pk])[self.site.pk]

    def get_initial(self) -> dict[str, Any]:
        window = self.stored
        return {"start": window.start, "end": window.end, "seen": str(window)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        window, at = self.stored, timezone.now()
        return super().get_context_data(
            **{
                "title": f"Maintenance window of {self.site.name}",
                "page_title": f"Maintenance window · {self.site.name}",
                "site": self.site,
                "window": window,
                "usual": USUAL_WINDOW,
                "is_usual": not MaintenanceWindow.objects.filter(pk=self.site.pk).exists(),
                "opening": next_opening(window, self.site.timezone, after=at),
                "at": at,
                **kwargs,
            }
        )

    def form_valid(self, form: WindowForm) -> HttpResponse:
        stored = self.stored
        if form.cleaned_data["seen"] != str(stored):
            return self.is_stale(stored)
        try:
            wanted = set_maintenance_window(self.site.pk, form.window, by=self.by, at=timezone.now())
        except WindowInvalid as error:
            field = (error.field or "").rpartition("/")[2]
            form.add_error(field if field in form.fields else None, error.detail)
            return self.form_invalid(form)
        except SiteNotFound as error:
            raise Http404 from error
        messages.success(self.request, f"Maintenance window: {wanted}, by the clock of {self.site.name}.")
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[self.site.pk]))

    def is_stale(self, stored: Window) -> HttpResponse:
        given = self.request.POST.copy()
        given["seen"] = str(stored)
        form = WindowForm(given)
        form.add_error(None, STALE)
        return self.render_to_response(self.get_context_data(form=form))
