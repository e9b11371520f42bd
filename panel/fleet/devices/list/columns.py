"""The list of devices: what its columns show."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ERROR_FLAG
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from common.admin import ReadOnlyAdmin
from fleet.devices.models import Device
from panel.fleet.devices.badges import device_badges
from panel.fleet.devices.list.changelist import DeviceChangeList
from panel.fleet.devices.list.filters import (
    FirmwareFilter,
    FixedView,
    OrganizationFilter,
    RoleFilter,
    SiteFilter,
    StatusFilter,
)
from panel.widgets.times import duration, moment_ago

NOTHING = "–"


class DeviceListPage(ReadOnlyAdmin):
    list_display = [
        "shown_name",
        "shown_state",
        "shown_site",
        "shown_role",
        "shown_firmware",
        "shown_seen",
        "shown_hardware",
        "shown_running",
        "shown_organization",
    ]
    list_filter = [FixedView, StatusFilter, RoleFilter, FirmwareFilter, SiteFilter, OrganizationFilter]
    search_fields = ["search_text"]
    search_help_text = "Name, id, role or hardware"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[DeviceChangeList]:
        return DeviceChangeList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, HttpResponseRedirect) and answer.url == f"{request.path}?{ERROR_FLAG}=1":
            messages.warning(request, "The list has no such filter, so it shows all devices.")
        return answer

    # --- Columns. Each is ordered by the name of an order of `DeviceQuery`. ---

    @admin.display(description="Device", ordering="name")
    def shown_name(self, device: Device) -> SafeString:
        return format_html('{}<span class="owner">{}</span>', device.name, device.device_id)

    @admin.display(description="State", ordering="triage")
    def shown_state(self, device: Any) -> SafeString:
        return format_html_join("", '<div class="fact">{}</div>', ((each,) for each in device_badges(device)))

    @admin.display(description="Location")
    def shown_site(self, device: Device) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:sites_site_change", args=[device.site_id]), device.site.name
        )

    @admin.display(description="Role")
    def shown_role(self, device: Device) -> str:
        return device.role or NOTHING

    @admin.display(description="Firmware")
    def shown_firmware(self, device: Device) -> str:
        return device.pulse.firmware_version or NOTHING

    @admin.display(description="Last seen")
    def shown_seen(self, device: Device) -> SafeString | str:
        return "never" if device.pulse.last_seen_at is None else moment_ago(device.pulse.last_seen_at)

    @admin.display(description="Hardware")
    def shown_hardware(self, device: Device) -> str:
        return device.hardware or NOTHING

    @admin.display(description="Running for")
    def shown_running(self, device: Device) -> str:
        return NOTHING if device.pulse.uptime_seconds is None else duration(device.pulse.uptime_seconds)

    @admin.display(description="Organization")
    def shown_organization(self, device: Device) -> str:
        return device.site.organization.name if device.site.organization else NOTHING
