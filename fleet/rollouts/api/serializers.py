"""What the API of roll-outs reads and prints. Nothing here writes."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from common.api.fields import InstantField, StrictIntegerField, TextField
from common.api.query import CursorQuery, PageQuery
from fleet.devices.limits import MAX_HARDWARE_LENGTH, MAX_ROLE_LENGTH, MAX_VERSION_LENGTH
from fleet.rollouts.limits import (
    MAX_LISTED_DEVICES,
    MAX_LISTED_LOCATIONS,
    MAX_REASON_LENGTH,
    MAX_ROLLOUT_NAME_LENGTH,
    MAX_WAVES,
)
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.selection import Selection
from fleet.rollouts.waves import DEFAULT_WAVES, RANGES, WaveSpec
from heartbeat.api.serializers import CanonicalUUIDField

USUAL = WaveSpec(None)


def number(name: str, **options: Any) -> StrictIntegerField:
    """A field of a wave; what is left out is as in WaveSpec."""
    lowest, highest = RANGES[name]
    return StrictIntegerField(min_value=lowest, max_value=highest, **options)


@extend_schema_serializer(component_name="NewRolloutWave")
class WaveSerializer(serializers.Serializer[Any]):
    percent = number("percent", allow_null=True, help_text="Of all devices, with the waves before; null: the pilot.")
    min_success_percent = number("min_success_percent", default=USUAL.min_success_percent)
    max_failures = number("max_failures", default=USUAL.max_failures)
    deadline_minutes = number(
        "deadline_minutes", default=USUAL.deadline_minutes, help_text="Silence for that long is a failure."
    )
    online_minutes = number(
        "online_minutes", default=USUAL.online_minutes, help_text="How long a device must be online with the version."
    )
    observation_minutes = number(
        "observation_minutes", default=USUAL.observation_minutes, help_text="From the last success to the next wave."
    )
    patience_hours = number(
        "patience_hours", default=USUAL.patience_hours, help_text="How long offline devices hold up the next wave."
    )
    max_health_rise = number(
        "max_health_rise",
        default=USUAL.max_health_rise,
        allow_null=True,
        help_text="By how much CPU, memory (percent) and temperature (°C) may rise; null: not compared.",
    )


class SelectionSerializer(serializers.Serializer[Any]):
    """What is left out or null is not asked for."""

    organization_id = CanonicalUUIDField(required=False, allow_null=True)
    location_ids = serializers.ListField(
        child=CanonicalUUIDField(), required=False, allow_null=True, min_length=1, max_length=MAX_LISTED_LOCATIONS
    )
    role = TextField(required=False, allow_null=True, max_length=MAX_ROLE_LENGTH)
    hardware = TextField(required=False, allow_null=True, max_length=MAX_HARDWARE_LENGTH)
    current_version = TextField(required=False, allow_null=True, max_length=MAX_VERSION_LENGTH)
    device_ids = serializers.ListField(
        child=CanonicalUUIDField(), required=False, allow_null=True, min_length=1, max_length=MAX_LISTED_DEVICES
    )


class NewRolloutSerializer(serializers.Serializer[Any]):
    firmware_id = CanonicalUUIDField()
    name = TextField(max_length=MAX_ROLLOUT_NAME_LENGTH)
    selection = SelectionSerializer(required=False)
    waves = serializers.ListField(
        child=WaveSerializer(),
        required=False,
        min_length=1,
        max_length=MAX_WAVES,
        help_text="A pilot, 5, 25 and 100 percent if they are left out.",
    )
    pilot_location_id = CanonicalUUIDField(required=False, allow_null=True, help_text="Chosen by hash if left out.")


def arguments(body: dict[str, Any]) -> dict[str, Any]:
    """Of `create_rollout` and `plan_rollout`, from a valid NewRolloutSerializer."""
    chosen = {
        name: tuple(value) if isinstance(value, list) else value for name, value in body.get("selection", {}).items()
    }
    waves = [WaveSpec(**wave) for wave in body["waves"]] if "waves" in body else DEFAULT_WAVES
    return {
        "firmware_id": body["firmware_id"],
        "name": body["name"],
        "selection": Selection(**chosen),
        "waves": waves,
        "pilot_site_id": body.get("pilot_location_id"),
    }


class PauseSerializer(serializers.Serializer[Any]):
    reason = TextField(max_length=MAX_REASON_LENGTH)


class DeviceNumbersSerializer(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    in_flight = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()


@extend_schema_serializer(component_name="RolloutWave")
class RolloutWaveSerializer(WaveSerializer):
    """For the description only."""

    number = serializers.IntegerField()
    accepted_failures = serializers.IntegerField()
    started_at = InstantField(allow_null=True)
    finished_at = InstantField(allow_null=True)
    devices = DeviceNumbersSerializer()


class RolloutFirmwareSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    product = serializers.CharField()
    version = serializers.CharField()


class RolloutSerializer(serializers.Serializer[Any]):
    """The fields describe a roll-out for the API's documentation; `fleet.rollouts.api.representation` makes it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    firmware = RolloutFirmwareSerializer()
    state = serializers.ChoiceField(choices=Rollout.State.choices)
    pause_reason = serializers.CharField(allow_null=True)
    selection = serializers.DictField()
    pilot_location_id = serializers.UUIDField(allow_null=True)
    wave = serializers.IntegerField(help_text="The number of the present wave, from 0.")
    waves = RolloutWaveSerializer(many=True)
    devices_back = DeviceNumbersSerializer(help_text="Devices on the way back, or that went back.")
    created_at = InstantField()
    started_at = InstantField(allow_null=True)
    rollback_at = InstantField(allow_null=True)
    finished_at = InstantField(allow_null=True)


class RolloutDeviceSerializer(serializers.Serializer[Any]):
    device_id = serializers.UUIDField(help_text="The device's `id`.")
    name = serializers.CharField()
    location_id = serializers.UUIDField()
    wave = serializers.IntegerField()
    direction = serializers.ChoiceField(choices=RolloutDevice.Direction.choices)
    state = serializers.ChoiceField(choices=RolloutDevice.State.choices)
    previous_version = serializers.CharField(allow_null=True)
    offered_at = InstantField(allow_null=True)
    finished_at = InstantField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class PlannedSiteSerializer(serializers.Serializer[Any]):
    location_id = serializers.UUIDField()
    name = serializers.CharField()
    devices = serializers.IntegerField()
    timezone = serializers.CharField()
    opens_at = InstantField()
    opens_at_local = serializers.CharField(help_text="By the location's clock.")
    done_at = InstantField()


class PlannedWaveSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    percent = serializers.IntegerField(allow_null=True)
    devices = serializers.IntegerField()
    locations = serializers.IntegerField()
    starts_at = InstantField()
    ends_at = InstantField()
    first_locations = PlannedSiteSerializer(many=True, help_text="At most 1,000, the earliest first.")


@extend_schema_serializer(component_name="RolloutPlan")
class PlanSerializer(serializers.Serializer[Any]):
    """For the description only."""

    pilot_location_id = serializers.UUIDField(allow_null=True)
    devices = serializers.IntegerField()
    not_online = serializers.IntegerField()
    up_to_date = serializers.IntegerField()
    in_other_rollouts = serializers.IntegerField()
    waves = PlannedWaveSerializer(many=True)


class RolloutListQuery(PageQuery):
    state = serializers.ChoiceField(choices=Rollout.State.choices, required=False)
    firmware_id = CanonicalUUIDField(required=False)


class RolloutDeviceQuery(CursorQuery):
    state = serializers.ChoiceField(choices=RolloutDevice.State.choices, required=False)
    direction = serializers.ChoiceField(choices=RolloutDevice.Direction.choices, required=False)
    wave = serializers.IntegerField(min_value=0, max_value=MAX_WAVES - 1, required=False)
