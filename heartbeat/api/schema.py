"""What the API's description says of a heartbeat beside its fields."""

from collections.abc import Sequence
from typing import Any

from heartbeat.api.serializers import APPLIED_FIELDS, BOOT_FIELDS


def describe_report(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The fields of a boot are given together, or left out together, and so are those of a receipt; null is as if left out."""
    report = result["components"]["schemas"]["HeartbeatReportRequest"]
    report["allOf"] = [
        all_or_none(BOOT_FIELDS, given="An agent", left_out="Another client"),
        all_or_none(APPLIED_FIELDS, given="With a receipt", left_out="Without a receipt"),
    ]
    return result


def all_or_none(fields: Sequence[str], *, given: str, left_out: str) -> dict[str, Any]:
    # Without a second `type` for a field: the page that shows the description takes two for a contradiction.
    return {
        "anyOf": [
            {
                "title": given,
                "required": list(fields),
                "properties": {name: {"not": {"const": None}} for name in fields},
            },
            {"title": left_out, "properties": {name: {"const": None} for name in fields}},
        ]
    }
