"""The bodies and query parameters of `/api/incidents` and `/api/alert-channels`."""

from typing import Any

from rest_framework import serializers

from alerts.channels.services import time_text
from alerts.kinds import Kind, Severity, State
from alerts.models import AlertChannel, Delivery
from alerts.models.channels import MAX_CHANNEL_NAME_LENGTH
from alerts.representation import incident_data
from common.api.query import CursorQuery
from sites.limits import MAX_REASON_LENGTH


class IncidentSerializer(serializers.Serializer[Any]):
    """The representation of an incident; `alerts.representation` has the values."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    severity = serializers.ChoiceField(choices=Severity.choices)
    state = serializers.ChoiceField(choices=State.choices)
    site_id = serializers.UUIDField(allow_null=True, help_text="Null if it covers several sites or none.")
    sites = serializers.IntegerField(help_text="How many sites it covers.")
    title = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    opened_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField(allow_null=True, help_text="A user name.")
    resolved_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return incident_data(instance)


class IncidentQuery(CursorQuery):
    state = serializers.ChoiceField(choices=State.choices, required=False)
    kind = serializers.ChoiceField(choices=Kind.choices, required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    site_id = serializers.UUIDField(required=False, help_text="Also incidents that cover it with others.")


class AcknowledgeSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_REASON_LENGTH)


class ChannelFacts(serializers.Serializer[Any]):
    """What `alerts.channels.services` checks. The fields describe it; any JSON value passes here."""

    name = serializers.CharField(max_length=MAX_CHANNEL_NAME_LENGTH)
    address = serializers.CharField(
        help_text="An e-mail address, a URL, or PagerDuty's routing key. It comes back shortened."
    )
    min_severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=Kind.choices), allow_null=True, required=False, help_text="Null: all."
    )
    is_enabled = serializers.BooleanField(required=False)
    quiet_from = serializers.CharField(allow_null=True, required=False, help_text="HH:MM in `timezone`.")
    quiet_until = serializers.CharField(allow_null=True, required=False, help_text="HH:MM in `timezone`.")
    timezone = serializers.CharField(required=False)


class NewChannelSerializer(ChannelFacts):
    kind = serializers.ChoiceField(choices=AlertChannel.Kind.choices)


class ChannelSerializer(serializers.Serializer[Any]):
    """The representation of a channel."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=AlertChannel.Kind.choices)
    address = serializers.CharField(source="shown_address")
    min_severity = serializers.ChoiceField(choices=Severity.choices)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=Kind.choices), allow_null=True)
    is_enabled = serializers.BooleanField()
    quiet_from = serializers.SerializerMethodField()
    quiet_until = serializers.SerializerMethodField()
    timezone = serializers.CharField()

    def get_quiet_from(self, channel: AlertChannel) -> str | None:
        return time_text(channel.quiet_from)

    def get_quiet_until(self, channel: AlertChannel) -> str | None:
        return time_text(channel.quiet_until)


class CreatedChannelSerializer(ChannelSerializer):
    signing_secret = serializers.CharField(required=False, help_text="Of a webhook; it is shown once.")


class TestResultSerializer(serializers.Serializer[Any]):
    delivered = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True, help_text="Of HTTP or SMTP; null without an answer.")
    detail = serializers.CharField()


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    incident_id = serializers.UUIDField(source="incident.id", allow_null=True, default=None)
    status = serializers.IntegerField(allow_null=True, help_text="Of the newest attempt.")
    detail = serializers.CharField(source="answer", help_text="The answer to the newest attempt.")

    class Meta:
        model = Delivery
        fields = (
            "id",
            "type",
            "incident_id",
            "state",
            "attempts",
            "status",
            "detail",
            "created_at",
            "next_attempt_at",
            "ended_at",
        )
