"""What drf-spectacular says of the API beside its endpoints."""

from pathlib import Path
from typing import Any

TAGS = [
    {"name": "auth", "description": "Sign in as an admin, renew and end tokens."},
    {"name": "people", "description": "Who has access, and who asks for it."},
    {"name": "settings", "description": "What you chose for your own work."},
    {"name": "tokens", "description": "Tokens for scripts, which may do a part of what you may."},
    {"name": "sites", "description": "Register, change, lock, unlock, extend, rotate, deregister."},
    {"name": "organizations", "description": "Chains, to which sites belong."},
    {"name": "locations", "description": "Sites as the fleet of devices sees them."},
    {
        "name": "devices",
        "description": "The boxes at the locations: tills, printer bridges, displays, cameras.",
    },
    {"name": "analytics", "description": "What devices did, by day."},
    {"name": "rollouts", "description": "Firmware on its way to devices, in waves and in closed hours."},
    {"name": "alerts", "description": "Incidents, and the channels on which they are told."},
    {"name": "firmware", "description": "Versions of the devices' firmware: upload, withdraw, load."},
    {"name": "heartbeat", "description": "What a site's local backend calls."},
    {"name": "health and telemetry", "description": "What devices measure, and reading it."},
    {"name": "service", "description": "Is the control plane up?"},
]
SECURITY_SCHEMES = {
    "siteId": {"type": "apiKey", "in": "header", "name": "X-Site-ID", "description": "The site's id."},
    "siteKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Site-Key",
        "description": "The site's secret key.",
    },
    "deviceId": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Device-ID",
        "description": "The device's id.",
    },
    "deviceKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Device-Key",
        "description": "The device's secret key.",
    },
    "metricsToken": {"type": "http", "scheme": "bearer", "description": "The server's METRICS_TOKEN."},
}
# Of texts with few values: where each name's values stand, or the values themselves.
ENUM_NAMES: dict[str, Any] = {
    "SiteStatus": "sites.status.SiteStatus",
    "DeviceStatus": "fleet.devices.status.DeviceStatus",
    "RolloutState": "fleet.rollouts.models.Rollout.State",
    "RolloutDeviceState": "fleet.rollouts.models.RolloutDevice.State",
    "AdminRole": "accounts.roles.Role",
    "AccessRequestState": "accounts.models.AccessRequestState",
    "Theme": "accounts.models.Theme",
    "StartPage": "accounts.models.StartPage",
    "EmailNotices": "alerts.own_settings.EmailNotices",
    "IncidentKind": "alerts.kinds.Kind",
    "IncidentState": "alerts.kinds.State",
    "Severity": "alerts.kinds.Severity",
    "ChannelKind": "alerts.models.AlertChannel.Kind",
    "FirmwareChannel": "fleet.firmware.models.Firmware.Channel",
    "AppliedState": "sites.receipts.AppliedState",
    "EventAction": "sites.api.serializers.EVENT_ACTIONS",
    "EventSource": "audit.models.Event.Source",
    "DeliveryState": "alerts.models.Delivery.State",
    "DeliveryType": "alerts.models.Delivery.Type",
    "ReportedDeviceStatus": "fleet.heartbeats.api.serializers.REPORTED_STATES",
    "RolloutDirection": "fleet.rollouts.models.RolloutDevice.Direction",
    "Resolution": ["raw", "hour", "day"],
    "SigningKeyState": "licensing.models.SigningKey.State",
    "FileMediaType": "documents.files.api.serializers.MEDIA_TYPES",
    "ServiceStatus": ["ok", "unavailable"],
    "TokenType": ["Bearer"],
    # Of a JWK, by the names of RFC 7517 and RFC 8037.
    "KeyType": ["OKP"],
    "KeyCurve": ["Ed25519"],
    "KeyUse": ["sig"],
    "KeyAlgorithm": ["EdDSA"],
    "FileKind": "documents.models.FileKind",
}


def settings(version: str, introduction: Path) -> dict[str, Any]:
    return {
        "TITLE": "Portcullis API",
        "VERSION": version,
        "DESCRIPTION": introduction.read_text(encoding="utf-8"),
        "OAS_VERSION": "3.1.0",
        "LICENSE": {"name": "MIT", "identifier": "MIT"},
        "SERVE_INCLUDE_SCHEMA": False,
        "SERVE_PUBLIC": True,
        "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
        "SERVE_AUTHENTICATION": [],
        "SWAGGER_UI_DIST": "SIDECAR",
        # JavaScript, for a plugin; deepLinking is the package's own default.
        "SWAGGER_UI_SETTINGS": "{deepLinking: true, plugins: [CodeSamples]}",
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
        "REDOC_DIST": "SIDECAR",
        "COMPONENT_SPLIT_REQUEST": True,
        "APPEND_COMPONENTS": {"securitySchemes": SECURITY_SCHEMES},
        "PREPROCESSING_HOOKS": ["common.api.schema.leave_out_version_prefix"],
        "POSTPROCESSING_HOOKS": [
            "drf_spectacular.hooks.postprocess_schema_enums",
            "common.api.named_types.refer_to_named_types",
            "common.api.schema.describe_problems_and_headers",
            "heartbeat.api.schema.describe_report",
            "config.api_clients.samples.add_samples",
        ],
        "ENUM_NAME_OVERRIDES": ENUM_NAMES,
        "TAGS": TAGS,
    }
