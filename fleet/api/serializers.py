"""What the fleet's API reads and prints of locations and devices. Nothing here writes."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from common.api.fields import IdField, InstantField, StrictBooleanField, StrictIntegerField, TextField
from common.api.query import PageQuery, QueryIdOrNoneField
from fleet.devices.limits import (
    DEFAULT_CODE_HOURS,
    DEFAULT_CODE_USES,
    DEVICE_ID,
    MAX_CODE_HOURS,
    MAX_CODE_USES,
    MAX_HARDWARE_LENGTH,
    MAX_NAME_LENGTH,
    MAX_ROLE_LENGTH,
    MAX_VERSION_LENGTH,
)
from fleet.devices.status import DeviceStatus
from fleet.devices.validation import clean_config, clean_device_id
from sites.api.serializers import RegisteredSiteSerializer
from sites.limits import MAX_SEARCH_LENGTH

# The orders of the list by their names in the query, as lookups of Device.
ORDERINGS = {
    "name": "name",
    "created_at": "created_at",
    "last_seen_at": "pulse__last_seen_at",
}
ORDERING_CHOICES = [sign + name for name in ORDERINGS for sign in ("", "-")]


class DeviceIdField(TextField):
    def described(self) -> dict[str, str]:
        return {"pattern": f"^{DEVICE_ID}$"}

    def clean(self, data: Any) -> str:
        return clean_device_id(data)


class ConfigField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            return clean_config(data)
        except ValidationError as error:
            raise serializers.ValidationError(get_error_detail(error)) from error


@extend_schema_serializer(component_name="DeviceRegistration")
class RegistrationFactsSerializer(serializers.Serializer[Any]):
    """What a device says of itself; null is as if the field were left out."""

    device_id = DeviceIdField(help_text="What the device calls itself; unique at its location.")
    name = TextField(max_length=MAX_NAME_LENGTH, required=False, allow_null=True)
    role = TextField(max_length=MAX_ROLE_LENGTH, required=False, allow_null=True, allow_blank=True)
    hardware = TextField(max_length=MAX_HARDWARE_LENGTH, required=False, allow_null=True, allow_blank=True)
    firmware_version = TextField(max_length=MAX_VERSION_LENGTH, required=False, allow_null=True, allow_blank=True)
    location_id = IdField(
        required=False, allow_null=True, help_text="If it is given, the code or the key must be of that location."
    )
    enrolment_code = TextField(required=False, allow_null=True, allow_blank=True, max_length=10_000)
    replace = StrictBooleanField(
        required=False,
        help_text="With a fresh code: give the device of this id a new key and end its old one. It keeps its history.",
    )


class DeviceSerializer(serializers.Serializer[Any]):
    """The fields describe a device for the API's documentation; `fleet.api.representation` makes it."""

    id = IdField()
    device_id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField(allow_null=True)
    hardware = serializers.CharField(allow_null=True)
    location_id = IdField()
    organization_id = IdField(allow_null=True)
    status = serializers.ChoiceField(choices=DeviceStatus.choices)
    last_seen_at = InstantField(allow_null=True)
    due_at = InstantField(allow_null=True)
    firmware_version = serializers.CharField(allow_null=True)
    target_firmware = IdField(allow_null=True, help_text="The firmware that the device is told to install.")
    health = serializers.DictField(allow_null=True, help_text="The newest sample.")
    config = serializers.DictField()
    config_version = serializers.IntegerField()
    key_hint = serializers.CharField(allow_null=True)
    created_at = InstantField()
    updated_at = InstantField()


class RegisteredDeviceSerializer(DeviceSerializer):
    """For the description only: the device and its key."""

    device_key = serializers.CharField(help_text="Shown here once and never again.")


class DeviceEditSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=MAX_NAME_LENGTH, required=False)
    role = TextField(max_length=MAX_ROLE_LENGTH, required=False, allow_null=True, allow_blank=True)
    target_firmware = IdField(
        required=False, allow_null=True, help_text="The firmware that the device is to install; null for none."
    )
    config = ConfigField(required=False, help_text="An object; devices get it when its version differs from theirs.")


class DeviceKeySerializer(serializers.Serializer[Any]):
    device_key = serializers.CharField(help_text="Shown here once and never again.")
    previous_key_expires_at = InstantField()


class DeviceListQuery(PageQuery):
    location_id = IdField(required=False)
    organization_id = QueryIdOrNoneField(
        required=False, help_text="`none` for devices at locations of no organization."
    )
    status = serializers.ChoiceField(choices=DeviceStatus.choices, required=False)
    role = serializers.CharField(required=False, max_length=MAX_ROLE_LENGTH)
    firmware_version = serializers.CharField(required=False, max_length=MAX_VERSION_LENGTH)
    search = TextField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=MAX_SEARCH_LENGTH,
        help_text="In name, ids, role and hardware; case-insensitive, every character literally.",
    )
    ordering = serializers.ChoiceField(choices=ORDERING_CHOICES, required=False)


@extend_schema_serializer(component_name="NewEnrolmentCode")
class NewCodeSerializer(serializers.Serializer[Any]):
    uses = StrictIntegerField(min_value=1, max_value=MAX_CODE_USES, default=DEFAULT_CODE_USES)
    expires_in_hours = StrictIntegerField(min_value=1, max_value=MAX_CODE_HOURS, default=DEFAULT_CODE_HOURS)


@extend_schema_serializer(component_name="EnrolmentCode")
class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Shown here once and never again. Case, dashes and spaces do not matter.")
    uses = serializers.IntegerField()
    expires_at = InstantField()


class DeviceCountsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    online = serializers.IntegerField()
    late = serializers.IntegerField()
    offline = serializers.IntegerField()
    never_seen = serializers.IntegerField()
    stopped = serializers.IntegerField()


class LocationSerializer(serializers.Serializer[Any]):
    """A site as the fleet sees it."""

    id = IdField(help_text="The site's id.")
    name = serializers.CharField()
    organization_id = IdField(allow_null=True)
    timezone = serializers.CharField()
    status = serializers.CharField()
    licensed = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    devices = DeviceCountsSerializer()


class LocationListQuery(PageQuery):
    organization_id = QueryIdOrNoneField(required=False, help_text="`none` for the locations of no organization.")


class RegisteredLocationSerializer(RegisteredSiteSerializer):
    """For the description only: the site, its id once more, and its key."""

    id = IdField(source="site_id")

    class Meta(RegisteredSiteSerializer.Meta):
        fields = ["id", *RegisteredSiteSerializer.Meta.fields]
        read_only_fields = fields
