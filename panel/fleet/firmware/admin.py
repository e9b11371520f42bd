"""The list of firmware. Its pages are views of their own."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path

from common.admin import ReadOnlyAdmin
from fleet.firmware.models import Firmware
from panel.fleet.firmware.badges import offer_badge, signature_badge
from panel.fleet.firmware.buttons import ReinstateView, WithdrawView
from panel.fleet.firmware.filters import ChannelFilter, ProductFilter
from panel.fleet.firmware.notes import NotesView
from panel.fleet.firmware.page import FirmwareHistoryView, FirmwareView
from panel.fleet.firmware.upload import UploadView
from panel.fleet.firmware.usage import usage_of
from panel.own_lists import OwnLength


@admin.register(Firmware)
class FirmwareAdmin(OwnLength, ReadOnlyAdmin):
    list_display = ["version"]
    sortable_by = ()
    list_filter = [ProductFilter, ChannelFilter]
    search_fields = ["product", "version", "hardware"]
    search_help_text = "Product, version or hardware"
    ordering = ["product", "-precedence", "-created_at", "-id"]

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view.as_view()), name=f"firmware_firmware_{name}")

        return [
            page("upload/", UploadView, "upload"),
            page("<uuid:firmware_id>/change/", FirmwareView, "change"),
            page("<uuid:firmware_id>/history/", FirmwareHistoryView, "history"),
            page("<uuid:firmware_id>/notes/", NotesView, "notes"),
            page("<uuid:firmware_id>/withdraw/", WithdrawView, "withdraw"),
            page("<uuid:firmware_id>/reinstate/", ReinstateView, "reinstate"),
            # Of Django's pages only the list.
            *(url for url in super().get_urls() if str(url.name).endswith("_changelist")),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, {"title": "Firmware", **(extra_context or {})})
        if changelist := getattr(response, "context_data", {}).get("cl"):
            versions = list(changelist.result_list)
            usage = usage_of(versions)
            response.context_data["rows"] = [
                (firmware, offer_badge(firmware), signature_badge(firmware), usage[firmware.pk])
                for firmware in versions
            ]
        return response
