"""The page of a firmware: its facts, its manifest, which devices have it, and its history."""

import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from audit.models import Event
from fleet.firmware.events import FIRMWARE
from fleet.firmware.models import Firmware
from fleet.rollouts.models import Rollout
from licensing.jws import from_base64url
from panel.events.timeline import timeline
from panel.fleet.firmware.badges import offer_badge, signature_badge
from panel.fleet.firmware.usage import reported_by_targeted, usage_of
from panel.fleet.firmware.views import OneFirmwareView
from panel.fleet.rollouts.badges import rollout_badge

MAX_EVENTS = 20
MAX_ROLLOUTS = 10


class Manifest(NamedTuple):
    """What the signed manifest says, as a device reads it."""

    key: str
    claims: list[tuple[str, str]]
    jws: str


class FirmwareView(OneFirmwareView):
    http_method_names = ["get"]
    permission_required = "firmware.view_firmware"
    template_name = "panel/fleet/firmware/page.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        firmware = self.firmware
        rollouts = Rollout.objects.filter(firmware=firmware).newest_first()[:MAX_ROLLOUTS]
        return self.render_to_response(
            self.get_context_data(
                title=str(firmware),
                page_title=f"{firmware} · Firmware",
                offer=offer_badge(firmware),
                signature=signature_badge(firmware),
                manifest=manifest_of(firmware),
                usage=usage_of([firmware])[firmware.pk],
                reported=reported_by_targeted(firmware),
                rollouts=[(rollout, rollout_badge(rollout)) for rollout in rollouts],
                events=timeline(Event.objects.of(FIRMWARE, firmware.pk).newest_first()[:MAX_EVENTS]),
                events_url=events_url(firmware),
            )
        )


class FirmwareHistoryView(OneFirmwareView):
    """Leads to the list of events, which are the history of a firmware."""

    http_method_names = ["get"]
    permission_required = "firmware.view_firmware"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return HttpResponseRedirect(events_url(self.firmware))


def events_url(firmware: Firmware) -> str:
    query = urlencode({"subject_type": FIRMWARE, "subject_id": firmware.pk})
    return f"{reverse('admin:audit_event_changelist')}?{query}"


def manifest_of(firmware: Firmware) -> Manifest | None:
    """None without a manifest, and while the version is withdrawn: devices do not get it then either."""
    if firmware.manifest is None or firmware.withdrawn_at is not None:
        return None
    header, payload, _ = firmware.manifest.split(".")
    claims = [(name, "–" if value is None else str(value)) for name, value in decoded(payload).items()]
    return Manifest(str(decoded(header)["kid"]), claims, firmware.manifest)


def decoded(part: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(from_base64url(part))
    return values
