"""What the API's description says of one's own settings beside their fields: there are no others."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction


class KnownSettingsOnly(OpenApiSerializerExtension):
    target_class = "alerts.api.settings.SettingsSerializer"

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        known = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**known, "additionalProperties": False} if direction == "request" else known
