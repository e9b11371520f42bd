"""What the API's description says of a heartbeat beside its fields."""

from typing import Any

from heartbeat.api.serializers import BOOT_FIELDS


def describe_boot(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The fields of a boot are given together, or left out together; null is as if left out."""
    report = result["components"]["schemas"]["ReportRequest"]
    # Without a second `type` for a field: the page that shows the description takes two for a contradiction.
    given, left_out = (dict.fromkeys(BOOT_FIELDS, rule) for rule in ({"not": {"const": None}}, {"const": None}))
    report["anyOf"] = [
        {"title": "An agent", "required": list(BOOT_FIELDS), "properties": given},
        {"title": "Another client", "properties": left_out},
    ]
    return result
