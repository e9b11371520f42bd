from django.contrib import admin

from common.admin import ReadOnlyAdmin
from idempotency.models import IdempotentRequest


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "admin", "path", "key", "status"]
    search_fields = ["admin__username", "path", "key"]
    list_select_related = ["admin"]
    ordering = ["-id"]
    fields = ["created_at", "admin", "path", "key", "status"]
