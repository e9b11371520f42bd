from django.contrib import admin

from heartbeat.models import Heartbeat
from sites.admin import OfASiteAdmin


@admin.register(Heartbeat)
class HeartbeatAdmin(OfASiteAdmin):
    list_display = ["received_at", "site", "ip", "version", "uptime_seconds", "licensed", "locked"]
    list_select_related = ["site"]
    list_filter = ["licensed", "locked"]
    ordering = ["-id"]
    linked_lookups = ("site__site_id__exact",)
