"""The JSON of a heartbeat: its report, the reply, and the history."""

import re
import uuid
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from common.api.fields import InstantField, StrictIntegerField, TextField
from heartbeat.models import AgentRun, Heartbeat
from sites.limits import MAX_REASON_LENGTH
from sites.receipts import AppliedState

MAX_UPTIME = MAX_SEQUENCE = 2**53 - 1
MAX_VERSION = 64
NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
BOOT_FIELDS = ("instance_id", "boot_id", "sequence")
APPLIED_FIELDS = ("applied_revision", "applied_state")


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


class NonceField(TextField):
    default_error_messages = {"invalid_nonce": "Give 16 to 64 characters of A-Z, a-z, 0-9, _ and -."}

    def described(self) -> dict[str, str]:
        return {"pattern": f"^{NONCE.pattern}$"}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if value != data or not NONCE.fullmatch(value):
            self.fail("invalid_nonce")
        return value


class CanonicalUUIDField(serializers.UUIDField):
    """A UUID in its usual form, with dashes; DRF's own field also takes integers and other forms."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        value = super().to_internal_value(data)
        if not isinstance(data, str) or str(value) != data.lower():
            self.fail("invalid", value=data)
        return value


class StateField(serializers.ChoiceField):
    """DRF's own field also takes what only prints like a choice."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return str(super().to_internal_value(data))


@extend_schema_serializer(component_name="HeartbeatReport")
class ReportSerializer(serializers.Serializer[Any]):
    """All but the first two fields come from agents only, and null is as if the field were left out."""

    default_error_messages = {
        "incomplete": "Give instance_id, boot_id and sequence, or none of them.",
        "half_applied": "Give both applied_revision and applied_state, or neither.",
    }

    version = PrintableField(
        min_length=1, max_length=MAX_VERSION, trim_whitespace=False, help_text="The version of the local backend."
    )
    uptime_seconds = StrictIntegerField(min_value=0, max_value=MAX_UPTIME)
    nonce = NonceField(
        required=False, allow_null=True, help_text="Random, and new for each heartbeat; the lease has it in it."
    )
    instance_id = CanonicalUUIDField(required=False, allow_null=True, help_text="Made once for each installation.")
    boot_id = CanonicalUUIDField(required=False, allow_null=True, help_text="Made at each start of the agent.")
    sequence = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_SEQUENCE,
        help_text="Rises with each heartbeat of a boot. A repetition has the number of the heartbeat that it repeats.",
    )
    lease_revision = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_SEQUENCE,
        help_text="The newest revision of the site for which the agent holds a lease.",
    )
    applied_revision = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_SEQUENCE,
        help_text="The revision of the site by which the local backend acts now.",
    )
    applied_state = StateField(
        required=False, allow_null=True, choices=AppliedState.values, help_text="What it makes of that revision."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in BOOT_FIELDS if attrs.get(name) is None]
        if 0 < len(missing) < len(BOOT_FIELDS):
            message = self.default_error_messages["incomplete"]
            raise serializers.ValidationError({name: [message] for name in missing}, code="required")
        missing = [name for name in APPLIED_FIELDS if attrs.get(name) is None]
        if len(missing) == 1:
            message = self.default_error_messages["half_applied"]
            raise serializers.ValidationError({missing[0]: [message]}, code="required")
        return attrs


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
    lease = serializers.CharField(
        allow_null=True,
        help_text="The reply as a signed token (a compact JWS), valid for 30 days; null while the server has no signing key.",
    )
    doorbell = serializers.CharField(
        allow_null=True,
        help_text="The URL at which the site may wait for changes between two heartbeats; null where there is none.",
    )


class HeartbeatSerializer(serializers.ModelSerializer[Heartbeat]):
    received_at = InstantField()

    class Meta:
        model = Heartbeat
        fields = ["received_at", "ip", "version", "uptime_seconds", "licensed", "locked"]
        read_only_fields = fields


class AgentRunSerializer(serializers.ModelSerializer[AgentRun]):
    first_seen_at = InstantField()
    last_seen_at = InstantField()

    class Meta:
        model = AgentRun
        fields = [
            "instance_id",
            "boot_id",
            "first_seen_at",
            "last_seen_at",
            "ip",
            "version",
            "sequence",
            "heartbeats",
        ]
        read_only_fields = fields


class DismissCloneSerializer(serializers.Serializer[Any]):
    note = TextField(max_length=MAX_REASON_LENGTH, multiline=True, required=False, allow_null=True, allow_blank=True)
