"""/.well-known/security.txt, as RFC 9116 describes it."""

from typing import Any

import pytest
from django.test import Client

from config.tests.processes import manage, setting

PATH = "/.well-known/security.txt"
SET = {"SECURITY_CONTACT": "mailto:security@vendor.example", "SECURITY_TXT_EXPIRES": "2027-06-30T00:00:00Z"}


def test_there_is_none_unless_it_is_set(client: Client) -> None:
    assert client.get(PATH).status_code == 404


def test_it_names_the_contacts_and_its_end(client: Client, settings: Any) -> None:
    settings.SECURITY_CONTACTS = ["mailto:security@vendor.example", "https://vendor.example/security"]
    settings.SECURITY_TXT_EXPIRES = "2027-06-30T00:00:00Z"
    answer = client.get(PATH)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode().splitlines() == [
        "Contact: mailto:security@vendor.example",
        "Contact: https://vendor.example/security",
        "Expires: 2027-06-30T00:00:00Z",
        "Preferred-Languages: en",
    ]


def test_it_names_the_policy_if_there_is_one(client: Client, settings: Any) -> None:
    settings.SECURITY_CONTACTS, settings.SECURITY_TXT_EXPIRES = ["tel:+43-1-5551"], "2027-06-30T00:00:00Z"
    settings.SECURITY_POLICY_URL = "https://vendor.example/policy"
    assert "Policy: https://vendor.example/policy" in client.get(PATH).content.decode().splitlines()


@pytest.mark.slow
def test_it_is_read_from_the_environment() -> None:
    read = setting("*settings.SECURITY_CONTACTS, settings.SECURITY_TXT_EXPIRES", **SET)
    assert read == "mailto:security@vendor.example 2027-06-30T00:00:00Z"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SECURITY_CONTACT": "security@vendor.example"}, "SECURITY_CONTACT takes addresses with their scheme"),
        ({"SECURITY_CONTACT": "http://vendor.example"}, "SECURITY_CONTACT takes addresses with their scheme"),
        ({"SECURITY_TXT_EXPIRES": None}, "Set SECURITY_TXT_EXPIRES"),
        ({"SECURITY_TXT_EXPIRES": "next year"}, "SECURITY_TXT_EXPIRES must be a time such as 2027-06-30T00:00:00Z"),
        ({"SECURITY_POLICY_URL": "vendor.example/policy"}, "SECURITY_POLICY_URL must begin with https://"),
    ],
)
def test_what_the_standard_does_not_allow_stops_the_start(changed: dict[str, str | None], said: str) -> None:
    finished = manage("check", **{**SET, **changed})
    assert finished.returncode != 0
    assert said in finished.stderr


@pytest.mark.slow
def test_a_file_that_has_expired_is_a_warning_of_the_deployment_check() -> None:
    assert (
        "portcullis.W001"
        in manage("check", "--deploy", **{**SET, "SECURITY_TXT_EXPIRES": "2020-01-01T00:00:00Z"}).stderr
    )
