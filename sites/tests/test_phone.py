"""The phone number of a restaurant's contact: optional, as people write it, and found by its digits."""

import pytest
from rest_framework.test import APIClient

from conftest import Register, RegisteredSite
from sites.tests.conftest import FACTS, assert_problem, newest_event

PHONE = "+39 (06) 5550-123"


def test_a_site_is_registered_with_a_phone_number(api: APIClient) -> None:
    answer = api.post("/api/sites", {**FACTS, "contact_phone": f" {PHONE} "})
    assert (answer.status_code, answer.json()["contact_phone"]) == (201, PHONE)
    assert newest_event().changes["contact_phone"] == [None, PHONE]


def test_a_site_without_one_has_an_empty_text_and_its_history_does_not_name_it(
    api: APIClient, roma: RegisteredSite
) -> None:
    assert api.get(roma.path).json()["contact_phone"] == ""
    assert "contact_phone" not in newest_event().changes


def test_a_phone_number_is_removed_with_an_empty_text(api: APIClient, roma: RegisteredSite) -> None:
    api.patch(roma.path, {"contact_phone": PHONE})
    assert api.patch(roma.path, {"contact_phone": " "}).json()["contact_phone"] == ""
    assert newest_event().changes == {"contact_phone": [PHONE, ""]}


@pytest.mark.parametrize(
    "phone", ["call me", "06 5550 ext. 12", "12", "+", "0" * 33, "06\n5550", "٠٦٥٥٥٠", 65550123, None]
)
def test_what_is_no_phone_number_is_refused(api: APIClient, roma: RegisteredSite, phone: object) -> None:
    assert_problem(api.patch(roma.path, {"contact_phone": phone}), 400, "invalid", "/contact_phone")
    assert api.get(roma.path).json()["contact_phone"] == ""


@pytest.mark.parametrize("term", ["(06) 5550", "39065550123", "065550"])
def test_a_site_is_found_by_its_phone_number(api: APIClient, register: Register, term: str) -> None:
    register(name="Bar Oslo", contact_phone="+47 22 55 50 12")
    register(name="Roma", contact_phone=PHONE)
    found = api.get("/api/sites", {"search": term}).json()["results"]
    assert [site["name"] for site in found] == ["Roma"]
