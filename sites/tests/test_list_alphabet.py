"""Names are in the order of the alphabet, in the API's list and in the panel's."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Register
from panel.tests.screen import LIST, browser_of

# Each beside its plain letter; of names that differ in case or accents only, the plain one first.
NAMES = [
    "Adler",
    "äpfel",
    "Apotheke",
    "Éclair",
    "Emil",
    "éMU",
    "Ofen",
    "Österia",
    "Otto",
    "roma",
    "Rosso",
    "Über",
    "Umbria",
    "Zoo",
]


@pytest.fixture
def sites(register: Register) -> None:
    for name in sorted(NAMES):
        register(name=name)


def listed(api: APIClient, **query: str) -> list[str]:
    pages = [api.get("/api/sites", {"page_size": "5", "page": page, **query}).json() for page in ("1", "2", "3")]
    return [site["name"] for page in pages for site in page["results"]]


@pytest.mark.usefixtures("sites")
@pytest.mark.parametrize(
    "query", [{}, {"search": "example"}, {"status": "never_seen"}, {"is_locked": "false"}], ids=str
)
def test_capital_and_accented_letters_stand_beside_plain_ones(api: APIClient, query: dict[str, str]) -> None:
    assert listed(api, **query) == NAMES
    assert listed(api, ordering="-name", **query) == NAMES[::-1]


@pytest.mark.usefixtures("sites")
@pytest.mark.parametrize(
    "query", ["", "?o=1", "?q=example", "?status=never_seen", "?registration=all", "?zone=UTC&o=1"]
)
def test_the_panel_has_the_same_order(vera: Admin, query: str) -> None:
    page: Any = browser_of(vera).get(LIST + query)
    assert [site.name for site in page.context["cl"].result_list] == NAMES


def test_names_that_differ_in_case_alone_have_a_fixed_order(api: APIClient, register: Register) -> None:
    for name in ("roma", "ROMA", "Roma", "roma"):
        register(name=name)
    names = [site["name"] for site in api.get("/api/sites").json()["results"]]
    assert sorted(names) == ["ROMA", "Roma", "roma", "roma"]
    assert "roma roma" in " ".join(names), "equal names stand side by side"
    assert [site["name"] for site in api.get("/api/sites", {"ordering": "-name"}).json()["results"]] == names[::-1]
