"""Gives each set of values one name in the OpenAPI description, so that a generated client has one type for it."""

from typing import Any

Schema = dict[str, Any]
NULL = "#/components/schemas/NullEnum"


def refer_to_named_types(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Replace lists of values by the component that has the same values, and drf-spectacular's component for null by null.

    drf-spectacular itself does the former for fields, but not for query parameters and the items of lists.
    """
    schemas = result["components"]["schemas"]
    schemas.pop("NullEnum", None)
    names = {frozenset(schema["enum"]): name for name, schema in schemas.items() if "enum" in schema}
    for name, schema in schemas.items():
        if "enum" not in schema:
            schemas[name] = with_references(schema, names)
    result["paths"] = with_references(result["paths"], names)
    return result


def with_references(part: Any, names: dict[frozenset[str], str]) -> Any:
    if isinstance(part, list):
        return [with_references(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("$ref") == NULL:
        return {"type": "null"}
    values = part.get("enum")
    if isinstance(values, list) and (name := names.get(frozenset(values))):
        rest = {key: value for key, value in part.items() if key not in ("enum", "type")}
        return {"$ref": f"#/components/schemas/{name}", **rest}
    return {key: with_references(value, names) for key, value in part.items()}
