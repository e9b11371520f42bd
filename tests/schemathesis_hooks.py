"""Formats that schemathesis does not know, and what no schema can say. `tests/test_schemathesis.py` names this module."""

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


def holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(holds_nul(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(map(holds_nul, value))
    return isinstance(value, str) and "\x00" in value


def holds_whole_float(body: Any) -> bool:
    return isinstance(body, dict) and any(isinstance(each, float) and each.is_integer() for each in body.values())
