"""The JSON of a device's heartbeat: its report and the answer."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from common.api.fields import InstantField, StrictIntegerField
from fleet.devices.limits import MAX_SEQUENCE, MAX_UPTIME, MAX_VERSION_LENGTH
from heartbeat.api.serializers import CanonicalUUIDField, PrintableField, StateField

REPORTED_STATES = ("online", "stopped")
MAX_CONFIG_VERSION = 2**31 - 1


class DeviceReportSerializer(serializers.Serializer[Any]):
    """All of it may be left out, and null is as if a field were left out."""

    status = StateField(
        choices=REPORTED_STATES, required=False, allow_null=True, help_text="`stopped` with the last heartbeat."
    )
    firmware_version = PrintableField(
        min_length=1, max_length=MAX_VERSION_LENGTH, trim_whitespace=False, required=False, allow_null=True
    )
    uptime_seconds = StrictIntegerField(min_value=0, max_value=MAX_UPTIME, required=False, allow_null=True)
    boot_id = CanonicalUUIDField(required=False, allow_null=True, help_text="Made at each start of the device.")
    sequence = StrictIntegerField(
        min_value=0, max_value=MAX_SEQUENCE, required=False, allow_null=True, help_text="Rising within a boot."
    )
    config_version = StrictIntegerField(
        min_value=0,
        max_value=MAX_CONFIG_VERSION,
        required=False,
        allow_null=True,
        help_text="Of the configuration that the device has; the answer has `config` if it is another one.",
    )


@extend_schema_serializer(component_name="DeviceCommand")
class CommandSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    created_at = InstantField()


class OfferedFirmwareSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    url = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()


@extend_schema_serializer(component_name="DeviceHeartbeatAnswer")
class AnswerSerializer(serializers.Serializer[Any]):
    server_time = InstantField()
    next_heartbeat_seconds = serializers.IntegerField()
    config_version = serializers.IntegerField()
    config = serializers.DictField(required=False, help_text="Only if the device has another version.")
    commands = CommandSerializer(many=True)
    firmware = OfferedFirmwareSerializer(required=False, help_text="What the device is to install.")
    licensed = serializers.BooleanField(help_text="Of the location.")
    locked = serializers.BooleanField(help_text="Of the location.")
