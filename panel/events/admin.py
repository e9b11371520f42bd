from typing import Any

from django.contrib import admin

from audit.models import Event
from common.admin import ReadOnlyAdmin
from panel.events.words import action_words, actor_words


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "shown_action", "subject_name", "shown_actor", "source", "reason"]
    list_filter = ["action", "source"]
    search_fields = ["subject_name", "actor_name", "reason", "=subject_id", "=request_id"]
    search_help_text = "Name of a site or an admin, reason; or a whole site id or request id"
    ordering = ["-sequence"]
    linked_lookups = ("subject_type", "subject_id", "actor")
    fields = [
        "at",
        "shown_action",
        "subject_type",
        "subject_name",
        "subject_id",
        "actor_name",
        "role",
        "source",
        "ip",
        "request_id",
        "reason",
        "changes",
        "id",
    ]
    readonly_fields = ["shown_action"]

    @admin.display(description="action", ordering="action")
    def shown_action(self, event: Any) -> str:
        return action_words(event).label

    @admin.display(description="by", ordering="actor_name")
    def shown_actor(self, event: Any) -> str:
        return actor_words(event)
