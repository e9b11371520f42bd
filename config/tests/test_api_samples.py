"""Texts of examples that a shell or a program would take for something else."""

import ast
import json
import os
import subprocess
from typing import Any
from unittest import mock

import pytest

from config.api_clients.requests import ApiRequest, path_with_variables
from config.api_clients.samples import curl, in_javascript, in_python, in_shell, python

DANGEROUS = 'a "quoted" $HOME `id` \\ back'


def a_request(body: dict[str, Any] | None, **facts: Any) -> ApiRequest:
    given: dict[str, Any] = {
        "operation_id": "lock_site",
        "summary": "Lock a site",
        "description": "",
        "tag": "sites",
        "method": "POST",
        "path": "/api/sites/{{site_id}}/lock",
        "query": {},
        "optional_query": {},
        "headers": {},
        "is_multipart": False,
        "answer": None,
    }
    return ApiRequest(body=body, **given | facts)


def test_a_text_in_the_shell_is_that_text() -> None:
    printed = subprocess.run(
        ["bash", "-c", f"printf %s {in_shell(DANGEROUS)}"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == DANGEROUS


@pytest.mark.parametrize("body", [{"reason": "it's late"}, {"reason": DANGEROUS, "password": "{{password}}"}])
def test_a_body_in_curl_is_that_body(body: dict[str, str]) -> None:
    """A function in place of curl prints what follows -d."""
    printing = 'curl() { while [ "$1" != -d ]; do shift; done; printf %s "$2"; }\n'
    script = printing + curl(a_request(body))
    variables = {"PATH": os.environ["PATH"], "PORTCULLIS_PASSWORD": "secret"}
    printed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=variables)
    assert json.loads(printed.stdout) == {**body, **({"password": "secret"} if "password" in body else {})}


def test_a_text_with_a_variable_in_python_is_filled_from_the_environment() -> None:
    with mock.patch.dict(os.environ, {"PORTCULLIS_ACCESS_TOKEN": "secret"}):
        assert eval(in_python("Bearer {{access_token}}")) == "Bearer secret"


def test_a_text_without_a_variable_is_a_literal() -> None:
    assert ast.literal_eval(in_python(DANGEROUS)) == DANGEROUS
    assert in_javascript("{{site_id}}") == "process.env.PORTCULLIS_SITE_ID"


def test_values_of_json_are_written_as_python_has_them() -> None:
    program = python(a_request({"flag": True, "nothing": None, "list": [1, {"deep": "x" * 90}]}))
    (call,) = (node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call) and len(node.keywords) == 2)
    body = ast.literal_eval(next(each.value for each in call.keywords if each.arg == "json"))
    assert body == {"flag": True, "nothing": None, "list": [1, {"deep": "x" * 90}]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/alert-channels/{id}/test/", "/api/alert-channels/{{alert_channel_id}}/test"),
        ("/api/sites/{site_id}/", "/api/sites/{{site_id}}"),
        ("/api/alert-channels/{id}/deliveries/{delivery}/retry/", "{{delivery_id}}/retry"),
    ],
)
def test_ids_in_a_path_are_named_after_what_they_are_of(path: str, expected: str) -> None:
    assert path_with_variables(path).endswith(expected)
