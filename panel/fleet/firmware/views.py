"""The base of the pages of one firmware."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property

from fleet.firmware.models import Firmware
from panel.fleet.views import FleetView


class OneFirmwareView(FleetView):
    @cached_property
    def firmware(self) -> Firmware:
        found = Firmware.objects.select_related("created_by").filter(pk=self.kwargs["firmware_id"]).first()
        if found is None:
            raise Http404("There is no such firmware.")
        return found

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.has_permission():
            _ = self.firmware
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"firmware": self.firmware, **kwargs})

    def to_its_page(self) -> HttpResponse:
        return HttpResponseRedirect(firmware_page_url(self.kwargs["firmware_id"]))


def firmware_page_url(firmware_id: uuid.UUID) -> str:
    return reverse("admin:firmware_firmware_change", args=[firmware_id])
