"""What the API reads and prints of firmware."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import Direction, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from common.api.fields import InstantField, StrictBooleanField, TextField
from common.api.multipart import NO_FILE
from common.api.query import PageQuery, QuerySerializer
from common.web.links import below_prefix
from fleet.firmware.api.uploads import UploadedFirmware
from fleet.firmware.limits import (
    MAX_HARDWARE_LENGTH,
    MAX_NOTES_LENGTH,
    MAX_VERSION_LENGTH,
    PRODUCT,
)
from fleet.firmware.models import Firmware
from fleet.firmware.services.targets import file_path
from fleet.firmware.validation import RULES

# For the API's description; `fleet.firmware.versions` decides.
IDENTIFIER = r"(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
SEMVER = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    rf"(-{IDENTIFIER}(\.{IDENTIFIER})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$"
)


class RuleOf(serializers.CharField):
    """A text by the rule of that name in `fleet.firmware.validation`; `schema` describes the rule."""

    def __init__(self, rule: str, schema: dict[str, Any], **kwargs: Any) -> None:
        self.rule, self.schema = rule, schema
        super().__init__(trim_whitespace=False, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is serializers.empty:
            return super().run_validation(data)
        try:
            return RULES[self.rule](data)
        except ValidationError as error:
            raise serializers.ValidationError(get_error_detail(error)) from error


@extend_schema_field({"type": "string", "format": "binary"})
class FileField(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> UploadedFirmware:
        if not isinstance(data, UploadedFirmware):
            raise serializers.ValidationError("Not a file: the part needs a file name.", code="invalid")
        if not data.incoming.size:
            raise serializers.ValidationError("The file is empty.", code="empty")
        return data


class RuleSchema(OpenApiSerializerFieldExtension):
    """drf-spectacular finds this class by itself."""

    target_class = RuleOf

    def map_serializer_field(self, auto_schema: Any, direction: Direction) -> dict[str, Any]:
        return {"type": "string", **self.target.schema}


@extend_schema_serializer(component_name="UploadFirmware")
class UploadSerializer(serializers.Serializer[Any]):
    file = FileField(error_messages={"required": NO_FILE}, help_text="Its name and its media type do not count.")
    product = RuleOf("product", {"pattern": f"^{PRODUCT}$"})
    version = RuleOf(
        "version",
        {"pattern": SEMVER, "maxLength": MAX_VERSION_LENGTH},
        help_text="SemVer 2.0.0, once for a product.",
    )
    channel = RuleOf("channel", {"pattern": "^(dev|beta|stable)$"})
    hardware = RuleOf(
        "hardware",
        {"maxLength": MAX_HARDWARE_LENGTH},
        required=False,
        allow_blank=True,
        help_text="Left out or empty: fits all.",
    )
    notes = RuleOf("notes", {"maxLength": MAX_NOTES_LENGTH}, required=False, allow_blank=True)
    min_from = RuleOf(
        "min_from",
        {"pattern": f"{SEMVER}|^$", "maxLength": MAX_VERSION_LENGTH},
        required=False,
        allow_blank=True,
        help_text="The lowest version from which a device may come, not above `version`. Left out or empty: any.",
    )


class FirmwareEditSerializer(serializers.Serializer[Any]):
    withdrawn = StrictBooleanField(required=False)
    notes = TextField(required=False, multiline=True, allow_blank=True, max_length=MAX_NOTES_LENGTH)


class FirmwareSerializer(serializers.Serializer[Firmware]):
    id = serializers.UUIDField()
    product = serializers.CharField()
    version = serializers.CharField()
    channel = serializers.ChoiceField(choices=Firmware.Channel.choices)
    hardware = serializers.CharField(allow_null=True, help_text="Null: fits all.")
    notes = serializers.CharField()
    min_from = serializers.CharField(allow_null=True)
    sha256 = serializers.CharField(help_text="Of the file, in hexadecimal.")
    size = serializers.IntegerField(help_text="Bytes.")
    url = serializers.SerializerMethodField(help_text="The path of the file.")
    manifest = serializers.SerializerMethodField(
        help_text="A JWS, typ `portcullis-firmware+jwt`. Null without a signing key, and while the version is withdrawn."
    )
    withdrawn = serializers.SerializerMethodField()
    withdrawn_at = InstantField(allow_null=True)
    created_at = InstantField()

    def get_url(self, firmware: Firmware) -> str:
        return below_prefix(file_path(firmware.pk))

    def get_manifest(self, firmware: Firmware) -> str | None:
        """A withdrawn version must not be installed, and its key may leave the public set."""
        return None if firmware.withdrawn_at else firmware.manifest

    def get_withdrawn(self, firmware: Firmware) -> bool:
        return firmware.withdrawn_at is not None


class FirmwareListQuery(PageQuery):
    product = serializers.CharField(required=False)
    channel = serializers.ChoiceField(choices=Firmware.Channel.choices, required=False)


class LatestQuery(QuerySerializer):
    product = serializers.CharField()
    channel = serializers.ChoiceField(
        choices=Firmware.Channel.choices, required=False, help_text="This channel only; `stable` when left out."
    )
    hardware = serializers.CharField(required=False, help_text="Versions for this hardware, or for all.")
