"""What a generator of clients needs of the API's description: names that become names of functions and types."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from config.documentation import description

Schema = dict[str, Any]
METHODS = {"get", "put", "post", "patch", "delete"}


def operations() -> Iterator[tuple[str, Schema]]:
    """Each operation, with the path and the method as its name."""
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def parts(part: Any) -> Iterator[Schema]:
    """The objects of a part of the description, at any depth."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    for each in part if isinstance(part, list) else ():
        yield from parts(each)


def test_operations_have_names_of_functions_and_each_its_own() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
    assert sorted(names) == sorted(set(names))


def test_operations_that_return_pages_of_a_list_say_so_by_their_names() -> None:
    others = []
    for where, operation in operations():
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        is_a_page = answer.get("$ref", "").startswith("#/components/schemas/Paginated")
        if is_a_page != operation["operationId"].startswith("list_"):
            others.append(where)
    assert others == []


def test_every_operation_has_a_summary_and_a_described_tag() -> None:
    tags = {tag["name"] for tag in description()["tags"]}
    assert [where for where, each in operations() if not each.get("summary") or len(each["tags"]) != 1] == []
    assert {each["tags"][0] for _, each in operations()} == tags


def test_no_type_has_a_name_that_drf_spectacular_made_up() -> None:
    """Such a name depends on the fields that have the values at present: a new field would rename it."""
    assert [name for name in description()["components"]["schemas"] if name.endswith("Enum")] == []


def test_values_that_have_a_name_are_referred_to_by_it() -> None:
    schemas = description()["components"]["schemas"]
    named = {frozenset(schema["enum"]) for schema in schemas.values() if "enum" in schema}
    by_hand = [part for part in parts(description()["paths"]) if frozenset(part.get("enum", ())) in named]
    for schema in schemas.values():
        by_hand += [part for part in parts(schema.get("properties", {})) if frozenset(part.get("enum", ())) in named]
    assert by_hand == []


def test_every_reference_leads_somewhere() -> None:
    for part in parts(description()):
        if isinstance(reference := part.get("$ref"), str):
            found: Any = description()
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]


def test_failures_are_described_as_problems() -> None:
    components = description()["components"]
    for where, operation in operations():
        for status, response in operation["responses"].items():
            if status < "400" or where.endswith(" /health/"):
                continue
            resolved = components["responses"][response["$ref"].rsplit("/", 1)[1]] if "$ref" in response else response
            assert "application/problem+json" in resolved["content"], (where, status)


@pytest.mark.parametrize(("where", "is_public"), [("POST /api/auth/login/", True), ("GET /api/sites/", False)])
def test_what_needs_no_credentials_names_none(where: str, is_public: bool) -> None:
    """Generators take an empty alternative, as drf-spectacular writes it, for a kind of credentials."""
    assert (dict(operations())[where]["security"] == []) is is_public


@pytest.mark.parametrize("where", ["POST /api/health/", "POST /api/telemetry/", "POST /api/sites/"])
def test_a_body_that_is_required_is_described_as_required(where: str) -> None:
    assert dict(operations())[where]["requestBody"]["required"] is True


def test_every_body_has_an_example() -> None:
    """The samples and the collection of requests take it."""
    without = []
    for where, operation in operations():
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            if not content.get("examples"):
                without.append(f"{where} {media_type}")
    assert without == []


def test_every_operation_has_samples_in_three_languages() -> None:
    for where, operation in operations():
        labels = [sample["label"] for sample in operation["x-codeSamples"]]
        assert labels == ["curl", "Python", "JavaScript"], where
