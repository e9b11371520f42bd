"""Organizations: chains, through the API."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.actors import COMMAND
from audit.models import Event
from conftest import Clock, Register, SignIn
from sites.errors import OrganizationAlreadyAdded
from sites.models import Organization
from sites.services import create_organization
from sites.slugs import slug_of
from sites.tests.conftest import UNKNOWN_ID, assert_problem, newest_event

URL = "/api/organizations"


def add(api: APIClient, name: str = "Conti", **facts: Any) -> dict[str, Any]:
    answer = api.post(URL, {"name": name, **facts})
    assert answer.status_code == 201, answer.content
    added: dict[str, Any] = answer.json()
    return added


def test_a_new_organization_has_its_name_a_slug_of_it_and_no_locations(api: APIClient, clock: Clock) -> None:
    answer = api.post(URL, {"name": " Trattorie Conti "})
    body = answer.json()
    assert body == {
        "id": body["id"],
        "name": "Trattorie Conti",
        "slug": "trattorie-conti",
        "created_at": "2026-06-01T12:00:00Z",
        "locations": 0,
        "devices": 0,
    }
    assert answer.headers["Location"] == f"{URL}/{body['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert api.get(f"{URL}/{body['id']}").json() == body


def test_adding_one_is_recorded(api: APIClient) -> None:
    added = add(api, "Conti", slug="c")
    event = newest_event()
    assert (event.action, event.subject_type, event.subject_id) == ("organization.created", "organization", added["id"])
    assert (event.subject_name, event.actor_name) == ("Conti", "anna")
    assert event.changes == {"name": [None, "Conti"], "slug": [None, "c"]}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Trattorie Conti", "trattorie-conti"),
        ("D’Angelo & Figli, S.r.l.", "d-angelo-figli-s-r-l"),
        ("Café Weiß", "cafe-weiss"),
        ("  --  ", "organization"),
        ("寿司", "organization"),
        ("x" * 200, "x" * 56),
    ],
)
def test_the_slug_of_a_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_names_that_give_the_same_slug_get_numbers(api: APIClient) -> None:
    assert [add(api, "Conti")["slug"], add(api, "conti!")["slug"], add(api, "CONTI")["slug"]] == [
        "conti",
        "conti-2",
        "conti-3",
    ]
    add(api, "Rossi", slug="rossi-2")
    assert [add(api, "Rossi")["slug"], add(api, "Rossi")["slug"]] == ["rossi", "rossi-3"]


def test_a_slug_that_is_taken_at_the_same_moment_gets_the_next_number(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(api)
    monkeypatch.setattr("sites.services.organizations.taken", lambda name: set())
    assert add(api)["slug"] == "conti-2"


def test_a_slug_that_another_has_is_refused(api: APIClient) -> None:
    first, second = add(api), add(api, "Rossi")
    assert_problem(api.post(URL, {"name": "X", "slug": "conti"}), 409, "slug_taken")
    assert_problem(api.patch(f"{URL}/{second['id']}", {"slug": "conti"}), 409, "slug_taken")
    assert [each["slug"] for each in api.get(URL).json()["results"]] == ["conti", "rossi"]
    assert api.patch(f"{URL}/{first['id']}", {"slug": "conti"}).status_code == 200


@pytest.mark.parametrize("slug", ["Conti", "a b", "-a", "a_b", "ä", "", "x" * 65, None, 5])
def test_a_slug_has_lower_case_letters_digits_and_hyphens(api: APIClient, slug: Any) -> None:
    assert_problem(api.post(URL, {"name": "Conti", "slug": slug}), 400, "invalid", "/slug")
    path = f"{URL}/{add(api)['id']}"
    assert_problem(api.patch(path, {"slug": slug}), 400, "invalid", "/slug")


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": 5}, {"name": "x" * 201}, {"name": "a\nb"}])
def test_an_organization_needs_a_name(api: APIClient, body: dict[str, Any]) -> None:
    assert_problem(api.post(URL, body), 400, "invalid", "/name")
    assert not Organization.objects.exists()


def test_a_change_changes_what_is_sent_and_is_recorded_with_before_and_after(api: APIClient) -> None:
    path = f"{URL}/{add(api)['id']}"
    answer = api.patch(path, {"name": "Rossi"})
    assert (answer.json()["name"], answer.json()["slug"], answer.headers["ETag"]) == ("Rossi", "conti", '"2"')
    event = newest_event()
    assert (event.action, event.subject_name) == ("organization.updated", "Rossi")
    assert event.changes == {"name": ["Conti", "Rossi"]}
    assert [each["name"] for each in api.get(URL, {"search": "ROSSI"}).json()["results"]] == ["Rossi"]


@pytest.mark.parametrize("body", [{}, {"name": "Conti"}, {"slug": "conti", "color": "red"}])
def test_a_change_to_what_it_is_already_changes_nothing(api: APIClient, body: dict[str, Any]) -> None:
    path = f"{URL}/{add(api)['id']}"
    events = Event.objects.count()
    answer = api.patch(path, body)
    assert (answer.status_code, answer.headers["ETag"], Event.objects.count()) == (200, '"1"', events)


def test_if_match_refuses_to_overwrite_a_change(api: APIClient) -> None:
    path = f"{URL}/{add(api)['id']}"
    assert api.patch(path, {"name": "A"}, headers={"If-Match": '"1"'}).status_code == 200
    assert_problem(api.patch(path, {"name": "B"}, headers={"If-Match": '"1"'}), 412, "organization_changed_meanwhile")
    assert api.get(path).json()["name"] == "A"


@pytest.mark.parametrize("wanted", [UNKNOWN_ID, "conti", UNKNOWN_ID.replace("-", "")])
def test_an_unknown_or_malformed_id_is_not_found(api: APIClient, wanted: str) -> None:
    add(api)
    for answer in (api.get(f"{URL}/{wanted}"), api.patch(f"{URL}/{wanted}", {"name": "X"})):
        assert_problem(answer, 404, "organization_not_found")


def test_a_retry_with_the_same_idempotency_key_adds_one(api: APIClient) -> None:
    key = {"Idempotency-Key": "k"}
    first, second = (api.post(URL, {"name": "Conti"}, headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Organization.objects.count() == 1
    assert_problem(api.post(URL, {"name": "Rossi"}, headers=key), 409, "idempotency_key_reused")


def test_a_form_that_is_sent_twice_adds_one(db: None) -> None:
    facts = {"name": "Conti", "organization_id": uuid.uuid4(), "by": COMMAND, "at": timezone.now()}
    create_organization(**facts)
    with pytest.raises(OrganizationAlreadyAdded):
        create_organization(**facts)
    assert Organization.objects.count() == 1


def test_the_list_is_by_name_regardless_of_case_and_has_pages(api: APIClient) -> None:
    for name in ("zoe", "Ádria", "Conti", "bari"):
        add(api, name)
    assert [each["name"] for each in api.get(URL).json()["results"]] == ["Ádria", "bari", "Conti", "zoe"]
    page = api.get(URL, {"page_size": 3, "page": 2}).json()
    assert (page["count"], [each["name"] for each in page["results"]], page["next"]) == (4, ["zoe"], None)
    assert_problem(api.get(URL, {"page": 9}), 404, "not_found")


def test_the_search_finds_names_and_slugs_literally(api: APIClient) -> None:
    add(api, "Conti 100%", slug="c-one")
    add(api, "Rossi")
    for term, names in (
        ("CONTI", ["Conti 100%"]),
        ("c-one", ["Conti 100%"]),
        ("%", ["Conti 100%"]),
        ("_", []),
        ("", 2),
    ):
        found = [each["name"] for each in api.get(URL, {"search": term}).json()["results"]]
        assert found == names or len(found) == names


@pytest.mark.parametrize("query", [{"color": "red"}, {"page": "0"}, {"page_size": "201"}, {"search": "x" * 301}])
def test_other_parameters_are_refused(api: APIClient, query: dict[str, str]) -> None:
    assert_problem(api.get(URL, query), 400, "invalid", f"/{next(iter(query))}")


def test_locations_counts_live_sites(api: APIClient, register: Register) -> None:
    conti, rossi = add(api), add(api, "Rossi")
    sites = [register(organization_id=conti["id"]) for _ in range(3)]
    register()
    api.delete(sites[0].path)
    assert [each["locations"] for each in api.get(URL).json()["results"]] == [2, 0]
    assert api.get(f"{URL}/{conti['id']}").json()["locations"] == 2
    assert api.patch(f"{URL}/{rossi['id']}", {"name": "R"}).json()["locations"] == 0


def test_a_long_list_takes_as_many_queries_as_a_short_one(api: APIClient, register: Register) -> None:
    numbers = []
    for _ in range(2):
        for _ in range(5):
            register(organization_id=add(api)["id"])
        with CaptureQueriesContext(connection) as queries:
            api.get(URL)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 3


@pytest.mark.parametrize(("role", "writes"), [("sysadmin", True), ("support", False), ("viewer", False)])
def test_everybody_reads_and_sysadmins_write(api: APIClient, signed_in: SignIn, role: str, writes: bool) -> None:
    path = f"{URL}/{add(api)['id']}"
    client = signed_in(Admin.objects.create_user("carl", "carl@vendor.example", role=role))
    assert client.get(URL).status_code == client.get(path).status_code == 200
    for answer in (client.post(URL, {"name": "X"}), client.patch(path, {"name": "X"})):
        if writes:
            assert answer.status_code in (200, 201)
        else:
            assert_problem(answer, 403, "permission_denied")
    assert Organization.objects.filter(name="X").exists() == writes


def test_a_stranger_is_told_nothing(api: APIClient) -> None:
    path = f"{URL}/{add(api)['id']}"
    stranger = APIClient()
    stranger.default_format = "json"
    for answer in (
        stranger.get(URL),
        stranger.get(path),
        stranger.post(URL, {"name": "X"}),
        stranger.patch(path, {"name": "X"}),
    ):
        assert_problem(answer, 401, "not_authenticated")


def test_an_organization_is_not_deleted_or_replaced(api: APIClient) -> None:
    path = f"{URL}/{add(api)['id']}"
    assert_problem(api.delete(path), 405, "method_not_allowed")
    assert_problem(api.put(path, {"name": "X"}), 405, "method_not_allowed")
