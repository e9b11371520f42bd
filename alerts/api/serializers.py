"""The bodies and query parameters of `/api/incidents` and `/api/alert-channels`."""

from datetime import time
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from alerts.channels.urls import MAX_URL_LENGTH
from alerts.channels.values import TIME_OF_DAY, clean_kinds, clean_time, time_text
from alerts.kinds import Kind, Severity, State
from alerts.models import AlertChannel, Delivery
from alerts.models.channels import MAX_CHANNEL_NAME_LENGTH
from alerts.representation import incident_data
from common.api.fields import RuleField, StrictBooleanField, TextField, ZoneField
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
    note = TextField(max_length=MAX_REASON_LENGTH, multiline=True, required=False, allow_null=True, allow_blank=True)


@extend_schema_field({"type": "string", "pattern": f"^{TIME_OF_DAY}$", "examples": ["22:30"]})
class TimeOfDayField(RuleField, serializers.Field[Any, Any, Any, Any]):
    """Hours and minutes."""

    def clean(self, data: Any) -> time | None:
        return clean_time(data)

    def to_representation(self, value: time) -> str | None:
        return time_text(value)


@extend_schema_field({"type": "array", "items": {"enum": Kind.values}, "minItems": 1, "uniqueItems": True})
class KindsField(RuleField, serializers.Field[Any, Any, Any, Any]):
    def clean(self, data: Any) -> list[str] | None:
        return clean_kinds(data)

    def to_representation(self, value: list[str]) -> list[str]:
        return value


@extend_schema_serializer(component_name="AlertChannelEdit")
class ChannelFacts(serializers.Serializer[Any]):
    """What a change of a channel may name. The service checks the address."""

    name = TextField(max_length=MAX_CHANNEL_NAME_LENGTH)
    address = TextField(
        max_length=MAX_URL_LENGTH,
        help_text="An e-mail address, a URL, or PagerDuty's routing key. Its secret part does not come back.",
    )
    min_severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    kinds = KindsField(allow_null=True, required=False, help_text="Null: all.")
    is_enabled = StrictBooleanField(required=False)
    quiet_from = TimeOfDayField(
        allow_null=True, required=False, help_text="In `timezone`. From then on all but critical messages wait."
    )
    quiet_until = TimeOfDayField(allow_null=True, required=False)
    timezone = ZoneField(required=False)


@extend_schema_serializer(component_name="NewAlertChannel")
class NewChannelSerializer(ChannelFacts):
    kind = serializers.ChoiceField(choices=AlertChannel.Kind.choices)


@extend_schema_serializer(component_name="AlertChannel")
class ChannelSerializer(serializers.Serializer[Any]):
    """The representation of a channel."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=AlertChannel.Kind.choices)
    address = serializers.CharField(source="shown_address")
    min_severity = serializers.ChoiceField(choices=Severity.choices)
    kinds = KindsField(allow_null=True)
    is_enabled = serializers.BooleanField()
    quiet_from = TimeOfDayField(allow_null=True)
    quiet_until = TimeOfDayField(allow_null=True)
    timezone = serializers.CharField()


@extend_schema_serializer(component_name="CreatedAlertChannel")
class CreatedChannelSerializer(ChannelSerializer):
    signing_secret = serializers.CharField(required=False, help_text="Of a webhook; it is shown once.")


@extend_schema_serializer(component_name="AlertTestResult")
class TestResultSerializer(serializers.Serializer[Any]):
    delivered = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True, help_text="Of HTTP or SMTP; null without an answer.")
    detail = serializers.CharField()


@extend_schema_serializer(component_name="AlertDelivery")
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
