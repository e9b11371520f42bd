"""The page of one device, and its history, which are the events about it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from fleet.devices.events import DEVICE
from fleet.devices.models import Device
from panel.fleet.devices.page.facts import device_facts
from panel.fleet.views import FleetView


class DevicePageView(FleetView):
    """Also of a retired device. It has no form of its own: each change has a page or a button."""

    permission_required = "devices.view_device"
    template_name = "panel/fleet/devices/page/page.html"

    def has_permission(self) -> bool:
        return self.request.method != "POST" and super().has_permission()

    def get(self, request: HttpRequest, object_id: str) -> HttpResponse:
        at = timezone.now()
        device = find_device(object_id)
        if device is None:
            messages.warning(request, "There is no device with this id.")
            return HttpResponseRedirect(reverse("admin:devices_device_changelist"))
        facts = device_facts(device, page=request.GET.get("p", "1"), at=at)
        titles = {"title": device.name, "page_title": f"{device.name} · Devices"}
        return self.render_to_response(self.get_context_data(device=device, **titles, **facts))


class DeviceHistoryView(FleetView):
    permission_required = "devices.view_device"

    def get(self, request: HttpRequest, object_id: str) -> HttpResponse:
        url = reverse("admin:audit_event_changelist")
        return HttpResponseRedirect(f"{url}?subject_type={DEVICE}&subject_id={object_id}")


def find_device(object_id: str) -> Any:
    try:
        wanted = uuid.UUID(object_id)
    except ValueError:
        return None
    devices = Device.objects.with_state(at=timezone.now()).select_related(
        "last_status", "site__organization", "firmware_target__firmware"
    )
    return devices.filter(pk=wanted).first()
