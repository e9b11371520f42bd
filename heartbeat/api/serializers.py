"""The JSON of a heartbeat: its report, the reply, and the history."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from common.api.fields import InstantField, StrictIntegerField, TextField
from heartbeat.models import Heartbeat

MAX_UPTIME = 2**53 - 1
MAX_VERSION = 64


class PrintableField(TextField):
    default_error_messages = {"unprintable": "Only printable characters are allowed."}

    def described(self) -> dict[str, str]:
        """Latin letters, digits and signs. Printable characters of other scripts are accepted too."""
        return {"pattern": r"^[ -~\u00a1-\u00ac\u00ae-\u0377]+$"}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not value.isprintable():
            self.fail("unprintable")
        return value


class ReportSerializer(serializers.Serializer[Any]):
    version = PrintableField(
        min_length=1, max_length=MAX_VERSION, trim_whitespace=False, help_text="The version of the local backend."
    )
    uptime_seconds = StrictIntegerField(min_value=0, max_value=MAX_UPTIME)


# Describes `heartbeat.services.Reply` for the API's documentation; the view writes the reply without it. Clients that were
# generated from the published schema know it by the name of the component.
@extend_schema_serializer(component_name="HeartbeatAnswer")
class ReplySerializer(serializers.Serializer[Any]):
    licensed = serializers.BooleanField()
    locked = serializers.BooleanField()
    lock_reason = serializers.CharField(allow_null=True)
    expires_at = InstantField()
    server_time = InstantField()
    next_heartbeat_seconds = serializers.IntegerField(help_text="Seconds until the next call.")


class HeartbeatSerializer(serializers.ModelSerializer[Heartbeat]):
    received_at = InstantField()

    class Meta:
        model = Heartbeat
        fields = ["received_at", "ip", "version", "uptime_seconds", "licensed", "locked"]
        read_only_fields = fields
