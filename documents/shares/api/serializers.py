from typing import Any

from rest_framework import serializers

from common.api.fields import IdField, InstantField, StrictIntegerField, TextField
from documents.models import ShareLink
from documents.shares.limits import DEFAULT_DAYS, MAX_DAYS, MAX_NOTE_LENGTH


class NewShareLinkSerializer(serializers.Serializer[Any]):
    expires_in_days = StrictIntegerField(min_value=1, max_value=MAX_DAYS, default=DEFAULT_DAYS)
    note = TextField(
        max_length=MAX_NOTE_LENGTH, allow_blank=True, default="", help_text="For colleagues; the page does not show it."
    )


class CreatedShareLinkSerializer(serializers.Serializer[Any]):
    id = IdField()
    url = serializers.CharField(
        allow_null=True, help_text="Shown here once and never again; null when a retry repeats the answer."
    )
    expires_at = InstantField()


class ShareLinkSerializer(serializers.Serializer[ShareLink]):
    id = IdField()
    note = serializers.CharField()
    created_at = InstantField()
    created_by = serializers.CharField(
        source="created_by.username",
        allow_null=True,
        help_text="The user name of an admin; null for a link in a licence notice.",
    )
    expires_at = InstantField()
    revoked_at = InstantField(allow_null=True)
    last_opened_at = InstantField(allow_null=True, help_text="At most a minute behind.")
