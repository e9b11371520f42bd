"""The collection of requests for Postman and the like."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.api_clients.postman import REMEMBERED, SCHEMA, collection
from config.documentation import description


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return collection(description(), base_url="https://licenses.example.com")


def items(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for folder in made["item"]:
        yield from folder["item"]


def test_it_has_each_operation_once_in_the_folder_of_its_tag(made: dict[str, Any]) -> None:
    expected: dict[str, list[str]] = {}
    for methods in description()["paths"].values():
        for operation in methods.values():
            expected.setdefault(operation["tags"][0], []).append(operation["summary"])
    found = {folder["name"]: sorted(item["name"] for item in folder["item"]) for folder in made["item"]}
    assert found == {name: sorted(summaries) for name, summaries in expected.items()}


def test_a_folder_that_is_run_as_a_whole_reads_what_it_created(made: dict[str, Any]) -> None:
    names = {folder["name"]: [item["name"] for item in folder["item"]] for folder in made["item"]}
    assert names["sites"][0] == "Register a site"
    assert names["sites"].index("Read a site") < names["sites"].index("Deregister a site")
    assert (names["auth"][0], names["auth"][-1]) == ("Sign in", "Sign out")


def test_it_has_the_form_of_version_2_1(made: dict[str, Any]) -> None:
    assert made["info"]["schema"] == SCHEMA
    for item in items(made):
        request = item["request"]
        assert request["auth"]["type"] in ("bearer", "noauth")
        assert request["url"]["raw"].split("?")[0] == "/".join([*request["url"]["host"], *request["url"]["path"]])
        if "body" in request:
            assert request["body"][request["body"]["mode"]], item["name"]
        if request.get("body", {}).get("mode") == "raw":
            assert isinstance(json.loads(request["body"]["raw"]), dict)


def test_every_variable_of_a_request_is_declared(made: dict[str, Any]) -> None:
    declared = {variable["key"] for variable in made["variable"]}
    used = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(made["item"])))
    assert used == declared
    kept = {variable for variables in REMEMBERED.values() for variable in variables}
    assert kept <= declared


def test_what_is_kept_of_a_response_is_a_field_of_it(made: dict[str, Any]) -> None:
    """A request that is renamed in the description would not keep anything."""
    schemas = description()["components"]["schemas"]
    operations = {each["operationId"]: each for methods in description()["paths"].values() for each in methods.values()}
    for operation_id, variables in REMEMBERED.items():
        responses = operations[operation_id]["responses"]
        answer = responses.get("201", responses.get("200"))["content"]["application/json"]["schema"]
        fields = schemas[answer["$ref"].rsplit("/", 1)[1]]["properties"]
        assert set(variables.values()) <= fields.keys(), operation_id


def test_no_secret_is_in_it(made: dict[str, Any]) -> None:
    values = {variable["key"]: variable["value"] for variable in made["variable"]}
    assert values.pop("base_url") == "https://licenses.example.com"
    assert set(values.values()) == {""}


def test_the_command_prints_it_and_writes_it_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("api_collection", base_url="https://licenses.example.com/")
    printed = json.loads(capsys.readouterr().out)
    assert printed["variable"][0] == {"key": "base_url", "value": "https://licenses.example.com", "type": "string"}
    file = tmp_path / "collection.json"
    call_command("api_collection", base_url="https://licenses.example.com", output=str(file))
    assert json.loads(file.read_text()) == printed
    with pytest.raises(CommandError, match="Cannot write"):
        call_command("api_collection", output=str(tmp_path))
