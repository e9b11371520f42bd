"""The list's pages, and what they cost."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from audit.actors import COMMAND
from conftest import Register
from sites.services import register_site
from sites.tests.conftest import assert_problem

QUERIES_OF_A_LIST = 3  # the admin, the count, the page


def register_many(number: int) -> None:
    for index in range(number):
        register_site(
            name=f"Site {index:03}",
            owner_name="Giulia",
            contact_email="giulia@roma.example",
            by=COMMAND,
            at=datetime.now(UTC),
        )


def test_an_empty_list_has_a_first_page(api: APIClient) -> None:
    for query in ({}, {"page": "1"}, {"search": "nobody"}):
        answer = api.get("/api/sites", query)
        assert answer.status_code == 200
        assert answer.json() == {"count": 0, "next": None, "previous": None, "results": []}


def test_pages_lead_to_each_other_and_keep_the_question(api: APIClient) -> None:
    register_many(5)
    path, names, pages = "/api/sites/?search=site&ordering=-name&page_size=2", [], []
    while path:
        page = api.get(path).json()
        assert page["count"] == 5
        names += [site["name"] for site in page["results"]]
        pages.append(page)
        path = page["next"]
    assert names == [f"Site {index:03}" for index in (4, 3, 2, 1, 0)]
    assert [bool(page["previous"]) for page in pages] == [False, True, True]
    assert api.get(pages[2]["previous"]).json()["results"] == pages[1]["results"]
    assert api.get(pages[1]["previous"]).json()["results"] == pages[0]["results"]


def test_fifty_sites_a_page_unless_asked_otherwise(api: APIClient) -> None:
    register_many(51)
    assert len(api.get("/api/sites").json()["results"]) == 50
    assert len(api.get("/api/sites", {"page": "2"}).json()["results"]) == 1
    assert len(api.get("/api/sites", {"page_size": "1"}).json()["results"]) == 1
    assert len(api.get("/api/sites", {"page_size": "200"}).json()["results"]) == 51


@pytest.mark.parametrize("size", ["0", "201", "-1", "x", "", "1.0", "1e2", " 5", "+5", "٥", str(10**30), "0x10"])
@pytest.mark.parametrize("suffix", ["", "/events", "/heartbeats"])
def test_a_page_size_out_of_range_is_refused(api: APIClient, register: Register, suffix: str, size: str) -> None:
    path = register().path + suffix if suffix else "/api/sites"
    assert_problem(api.get(path, {"page_size": size}), 400, "invalid", "/page_size")


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "last", "1.0", "1e1", "+1", "²", "NaN"])
def test_a_page_that_is_no_number_is_refused(api: APIClient, page: str) -> None:
    assert_problem(api.get("/api/sites", {"page": page}), 400, "invalid", "/page")


@pytest.mark.parametrize("page", ["2", "200", str(10**9), str(2**63), str(10**30)])
@pytest.mark.parametrize("sites", [0, 1])
def test_a_page_past_the_end_is_not_found(api: APIClient, page: str, sites: int) -> None:
    register_many(sites)
    assert_problem(api.get("/api/sites", {"page": page}), 404, "not_found")


def test_a_page_of_five_thousand_digits_is_refused_quickly(api: APIClient) -> None:
    assert api.get("/api/sites", {"page": "9" * 5000}).status_code in (400, 404)


@pytest.mark.slow
def test_ten_sites_cost_as_many_queries_as_a_thousand(api: APIClient) -> None:
    for more in (10, 990):
        register_many(more)
        with CaptureQueriesContext(connection) as queries:
            page = api.get("/api/sites", {"page_size": "200", "search": "site", "licensed": "true"}).json()
        assert len(queries) == QUERIES_OF_A_LIST, [query["sql"] for query in queries]
    assert (page["count"], len(page["results"])) == (1000, 200)


def test_a_small_page_costs_as_many_queries_as_a_large_one(api: APIClient) -> None:
    register_many(20)
    for size in ("1", "20", "200"):
        with CaptureQueriesContext(connection) as queries:
            api.get("/api/sites", {"page_size": size, "status": "never_seen", "ordering": "-last_seen_at"})
        assert len(queries) == QUERIES_OF_A_LIST
