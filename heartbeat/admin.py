from django.contrib import admin

from common.admin import ReadOnlyAdmin
from heartbeat.models import Heartbeat


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "site", "ip", "version", "uptime_seconds", "licensed", "locked"]
    list_select_related = ["site"]
    list_filter = ["licensed", "locked"]
    search_fields = ["site__search_text"]
    search_help_text = "The site's name, owner, e-mail or id"
    ordering = ["-id"]
