"""A site may belong to one organization."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from conftest import Register, RegisteredSite
from sites.models import Organization, Site
from sites.tests.conftest import FACTS, UNKNOWN_ID, actions, assert_problem, newest_event


@pytest.fixture
def conti(api: APIClient) -> str:
    organization_id: str = api.post("/api/organizations", {"name": "Conti"}).json()["id"]
    return organization_id


def test_a_site_is_registered_in_an_organization(api: APIClient, conti: str) -> None:
    answer = api.post("/api/sites", {**FACTS, "organization_id": conti})
    assert (answer.status_code, answer.json()["organization_id"]) == (201, conti)
    event = newest_event()
    assert (event.action, event.changes["organization"]) == ("site.registered", [None, "conti"])
    assert "organization_id" not in event.changes


@pytest.mark.parametrize("facts", [{}, {"organization_id": None}])
def test_a_site_is_registered_in_none(api: APIClient, facts: dict[str, Any]) -> None:
    answer = api.post("/api/sites", {**FACTS, **facts})
    assert (answer.status_code, answer.json()["organization_id"]) == (201, None)
    assert "organization" not in newest_event().changes


def test_a_site_comes_into_an_organization_and_out_of_it(api: APIClient, roma: RegisteredSite, conti: str) -> None:
    for wanted, recorded in ((conti, [None, "conti"]), (None, ["conti", None])):
        answer = api.patch(roma.path, {"organization_id": wanted})
        assert (answer.status_code, answer.json()["organization_id"]) == (200, wanted)
        assert api.get(roma.path).json()["organization_id"] == wanted
        assert (newest_event().action, newest_event().changes) == ("site.updated", {"organization": recorded})
    assert Site.objects.get().revision == 3


def test_the_same_organization_again_changes_nothing(api: APIClient, register: Register, conti: str) -> None:
    site = register(organization_id=conti)
    assert api.patch(site.path, {"organization_id": conti.upper()}).headers["ETag"] == '"1"'
    assert actions() == ["registered"]


def test_a_site_that_is_replaced_without_an_organization_keeps_it(
    api: APIClient, register: Register, conti: str
) -> None:
    site = register(organization_id=conti)
    assert api.put(site.path, FACTS).json()["organization_id"] == conti


@pytest.mark.parametrize("wanted", [UNKNOWN_ID, "conti", 5, ""])
def test_an_unknown_organization_is_refused(api: APIClient, roma: RegisteredSite, conti: str, wanted: Any) -> None:
    for answer in (
        api.patch(roma.path, {"organization_id": wanted}),
        api.put(roma.path, {**FACTS, "organization_id": wanted}),
        api.post("/api/sites", {**FACTS, "organization_id": wanted}),
    ):
        assert_problem(answer, 400, "invalid", "/organization_id")
    assert actions() == ["registered"]


def test_the_list_shows_the_sites_of_an_organization_or_of_none(api: APIClient, register: Register, conti: str) -> None:
    rossi = api.post("/api/organizations", {"name": "Rossi"}).json()["id"]
    for name, organization in (("A", conti), ("B", rossi), ("C", conti), ("D", None)):
        register(name=name, organization_id=organization)
    for wanted, names in ((conti, "AC"), (rossi, "B"), ("none", "D"), (UNKNOWN_ID, "")):
        for query in ({}, {"ordering": "-last_seen_at"}, {"status": "never_seen"}):
            page = api.get("/api/sites", {"organization_id": wanted, **query}).json()
            assert sorted(site["name"] for site in page["results"]) == list(names)
            assert page["count"] == len(names)


@pytest.mark.parametrize("wanted", ["conti", "None", "", UNKNOWN_ID.replace("-", "")])
def test_the_filter_takes_an_id_or_none(api: APIClient, wanted: str) -> None:
    assert_problem(api.get("/api/sites", {"organization_id": wanted}), 400, "invalid", "/organization_id")


def test_a_renamed_organization_keeps_its_sites_and_their_revisions(
    api: APIClient, register: Register, conti: str
) -> None:
    site = register(organization_id=conti)
    api.patch(f"/api/organizations/{conti}", {"name": "Rossi", "slug": "rossi"})
    assert (api.get(site.path).json()["organization_id"], api.get(site.path).headers["ETag"]) == (conti, '"1"')
    assert Organization.objects.get().sites.count() == 1
