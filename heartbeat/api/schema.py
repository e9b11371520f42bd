"""What the API's description says of a heartbeat beside its fields."""

from typing import Any

from heartbeat.api.serializers import BOOT_FIELDS


def describe_boot(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The fields of a boot are given together, or left out together; null is as if left out."""
    report = result["components"]["schemas"]["ReportRequest"]
    types = {name: report["properties"][name]["type"] for name in BOOT_FIELDS}
    given = {name: {"type": next(kind for kind in kinds if kind != "null")} for name, kinds in types.items()}
    report["anyOf"] = [
        {"title": "An agent", "required": list(BOOT_FIELDS), "properties": given},
        {"title": "Another client", "properties": {name: {"type": "null"} for name in BOOT_FIELDS}},
    ]
    return result
