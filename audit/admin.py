from django.contrib import admin

from audit.models import Event
from common.admin import ReadOnlyAdmin


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "action", "site_name", "actor_name", "source", "reason"]
    list_filter = ["action", "source"]
    search_fields = ["site_name", "actor_name", "reason", "=site_id", "=request_id"]
    search_help_text = "Site name, admin, reason; or a whole site id or request id"
    ordering = ["-sequence"]
    linked_lookups = ("site_id",)
    fields = [
        "at",
        "action",
        "site_name",
        "site_id",
        "actor_name",
        "role",
        "source",
        "ip",
        "request_id",
        "reason",
        "changes",
        "id",
    ]
