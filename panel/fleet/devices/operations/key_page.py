"""The page that shows a new key of a device, and the part of it that waits until the device has used the key."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from common.web.links import server_url
from fleet.devices.models import DeviceKey
from fleet.devices.services import DeviceKeyRotation
from panel.fleet.views import FleetView


def key_page(view: FleetView, rotation: DeviceKeyRotation, *, still_works: bool) -> TemplateResponse:
    """The answer to the POST that made the key. The key is stored nowhere: going back never shows it again."""
    device = rotation.device
    newest = DeviceKey.objects.select_related("device__pulse").get(device=device, expires_at=None, revoked_at=None)
    url = server_url(view.request)
    context = view.get_context_data(
        title=f"New key: {device.name}",
        page_title=f"New key · {device.name}",
        device_key=rotation.device_key,
        environment=f"PORTCULLIS_URL={url}\nPORTCULLIS_DEVICE_ID={device.pk}\nPORTCULLIS_DEVICE_KEY={rotation.device_key}",
        previous_until=rotation.previous_key_expires_at,
        previous_still_works=still_works,
        key_use_url=reverse("admin:devices_device_key_use", args=[device.pk, newest.pk]),
        **key_use_context(newest),
    )
    return TemplateResponse(view.request, "panel/fleet/devices/operations/key.html", context)


def key_use_context(key: DeviceKey) -> dict[str, Any]:
    """`key` with its device and the device's pulse. Its uses are counted while older keys work; later there is no other."""
    pulse, at = key.device.pulse, timezone.now()
    is_only_one = not DeviceKey.objects.live(at=at).filter(device=key.device_id).exclude(pk=key.pk).exists()
    has_called = pulse.last_seen_at is not None and pulse.last_seen_at > key.created_at
    return {
        "key": key,
        "pulse": pulse,
        "is_used": key.uses > 0 or (is_only_one and has_called),
        "is_replaced": key.expires_at is not None or key.revoked_at is not None,
    }


class DeviceKeyUseView(FleetView):
    """The part alone, without the frame of a page."""

    permission_required = "devices.view_device"
    template_name = "panel/fleet/devices/operations/key_use.html"

    def get(self, request: HttpRequest, device_id: uuid.UUID, key_id: int) -> HttpResponse:
        keys = DeviceKey.objects.select_related("device__pulse")
        return self.render_to_response(key_use_context(get_object_or_404(keys, pk=key_id, device=device_id)))
