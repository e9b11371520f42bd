"""Formats that schemathesis does not know, and what no schema can say. `tests/test_schemathesis.py` names this module."""

import os
from typing import Any

import schemathesis
from hypothesis import strategies as st

from common.instants import known_zones

schemathesis.openapi.format("iana-time-zone", st.sampled_from(sorted(known_zones())))


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out requests that the schema allows although the description's introduction does not.

    Unknown fields are ignored, but no text in a body may hold NUL; and 24.0 is an integer in JSON Schema only.
    """
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    return not (is_positive and (holds_nul(case.body) or holds_whole_float(case.body)))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Name an organization that exists where the schema allows any id."""
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    if is_positive and isinstance(case.body, dict) and case.body.get("organization_id"):
        case.body["organization_id"] = os.environ["EXISTING_ORGANIZATION"]


def holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(holds_nul(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(map(holds_nul, value))
    return isinstance(value, str) and "\x00" in value


def holds_whole_float(body: Any) -> bool:
    return isinstance(body, dict) and any(isinstance(each, float) and each.is_integer() for each in body.values())
