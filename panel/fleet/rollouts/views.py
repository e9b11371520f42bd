"""The base of the pages of one roll-out."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property

from fleet.rollouts.models import Rollout
from panel.fleet.views import FleetView


class OneRolloutView(FleetView):
    @cached_property
    def rollout(self) -> Rollout:
        rows = Rollout.objects.select_related("firmware", "pilot_site", "created_by").prefetch_related("waves")
        rollout: Rollout | None = rows.filter(pk=self.kwargs["rollout_id"]).first()
        if rollout is None:
            raise Http404("There is no such roll-out.")
        return rollout

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.has_permission():
            _ = self.rollout
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"rollout": self.rollout, **kwargs})

    def to_its_page(self) -> HttpResponse:
        return HttpResponseRedirect(rollout_page_url(self.kwargs["rollout_id"]))


def rollout_page_url(rollout_id: uuid.UUID) -> str:
    return reverse("admin:rollouts_rollout_change", args=[rollout_id])
