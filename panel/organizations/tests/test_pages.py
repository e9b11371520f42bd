"""The list of organizations and the page of one, through the panel."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Admin
from audit.models import Event
from conftest import Register
from panel.tests.screen import FormReader, browser_of
from sites.models import Organization
from sites.tests.conftest import newest_event

pytestmark = pytest.mark.any_database

URL = "/admin/sites/organization/"


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


@pytest.fixture
def conti(api: APIClient) -> str:
    organization_id: str = api.post("/api/organizations", {"name": "Conti"}).json()["id"]
    return organization_id


def messages(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def form_of(browser: Client, path: str) -> dict[str, Any]:
    """What the form's hidden fields hold."""
    return {name: values[-1] for name, values in FormReader(browser.get(path).content.decode()).fields.items()}


def test_the_list_is_by_name_and_links_to_the_sites(browser: Client, api: APIClient, register: Register) -> None:
    for name in ("zoe", "Ádria", "bari"):
        api.post("/api/organizations", {"name": name})
    adria = Organization.objects.get(slug="adria")
    for number in range(2):
        register(name=f"Ádria {number}", organization_id=str(adria.pk))
    register(name="Elsewhere")
    page = browser.get(URL)
    assert [each.name for each in page.context["cl"].result_list] == ["Ádria", "bari", "zoe"]
    html = page.content.decode()
    link = re.search(r'<a href="([^"]+)">2 sites</a>', html)
    assert link
    listed = browser.get(link[1]).context["cl"].result_list
    assert [site.name for site in listed] == ["Ádria 0", "Ádria 1"]
    assert html.count(">none<") == 2
    by_number = browser.get(f"{URL}?o=-2").context["cl"].result_list
    assert by_number[0].slug == "adria"


@pytest.mark.parametrize(("term", "found"), [("CONTI", 1), ("conti-2", 0), ("%", 0), ("", 1)])
def test_the_list_is_searched_by_name_and_slug(browser: Client, conti: str, term: str, found: int) -> None:
    assert len(browser.get(URL, {"q": term}).context["cl"].result_list) == found


def test_a_long_list_takes_as_many_queries_as_a_short_one(browser: Client, api: APIClient, register: Register) -> None:
    costs = []
    for numbers in (range(2), range(2, 30)):
        for number in numbers:
            added = api.post("/api/organizations", {"name": f"Chain {number}"}).json()
            register(organization_id=added["id"])
        with CaptureQueriesContext(connection) as queries:
            browser.get(URL)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_an_organization_is_added(browser: Client) -> None:
    sent = form_of(browser, f"{URL}add/") | {"name": " Trattorie Conti ", "slug": ""}
    page = browser.post(f"{URL}add/", sent, follow=True)
    added = Organization.objects.get()
    assert (added.name, added.slug, str(added.pk)) == ("Trattorie Conti", "trattorie-conti", sent["organization_id"])
    assert "was added successfully" in messages(page)[0]
    assert (newest_event().action, newest_event().actor_name, newest_event().source) == (
        "organization.created",
        "anna",
        "admin",
    )
    assert not LogEntry.objects.exists(), "the events are the history"


def test_a_form_that_is_sent_twice_adds_one(browser: Client) -> None:
    sent = form_of(browser, f"{URL}add/") | {"name": "Conti", "slug": ""}
    browser.post(f"{URL}add/", sent)
    again = browser.post(f"{URL}add/", sent, follow=True)
    assert messages(again)[-1] == "This organization was added already."
    assert again.context["original"] == Organization.objects.get()


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "a\x07b"), ("slug", "Conti"), ("slug", "-a"), ("slug", "conti"), ("slug", "x" * 65)],
)
def test_what_the_api_refuses_is_refused_beside_its_field(browser: Client, conti: str, field: str, value: str) -> None:
    events = Event.objects.count()
    sent = form_of(browser, f"{URL}add/") | {"name": "Rossi", "slug": "rossi", field: value}
    page = browser.post(f"{URL}add/", sent)
    assert field in page.context["adminform"].form.errors
    assert (Organization.objects.count(), Event.objects.count()) == (1, events)


def test_an_organization_is_renamed_and_its_page_has_the_history(
    browser: Client, conti: str, register: Register
) -> None:
    register(organization_id=conti)
    path = f"{URL}{conti}/change/"
    browser.post(path, form_of(browser, path) | {"name": "Rossi", "slug": "rossi"})
    stored = Organization.objects.get()
    assert (stored.name, stored.slug, stored.revision) == ("Rossi", "rossi", 2)
    page = browser.get(path).content.decode()
    assert f'<a href="/admin/sites/site/?organization={conti}">1 site</a>' in page
    assert page.index("Organization changed") < page.index("Organization added")
    assert re.search(r"Name: Conti <span[^>]*>→</span> <span[^>]*>became</span> Rossi", page)
    events = browser.get(f"{URL}{conti}/history/", follow=True)
    assert [event.action for event in events.context["cl"].result_list] == [
        "organization.updated",
        "organization.created",
    ]


def test_a_form_that_was_opened_before_a_change_saves_nothing(browser: Client, api: APIClient, conti: str) -> None:
    path = f"{URL}{conti}/change/"
    sent = form_of(browser, path) | {"name": "Rossi", "slug": "conti"}
    api.patch(f"/api/organizations/{conti}", {"name": "Bruni"})
    page = browser.post(path, sent, follow=True)
    assert messages(page) == ["The organization was changed since you read it. Nothing was saved."]
    assert Organization.objects.get().name == "Bruni"


def test_the_other_roles_see_it_without_a_form(vera: Admin, conti: str) -> None:
    page = browser_of(vera).get(f"{URL}{conti}/change/").content.decode()
    assert "Conti" in page
    assert 'name="name"' not in page
    assert 'name="_save"' not in page
    assert "Add organization" not in browser_of(vera).get(URL).content.decode()


def test_the_names_of_organizations_are_escaped(browser: Client, api: APIClient, register: Register) -> None:
    added = api.post("/api/organizations", {"name": "<b>Conti</b>"}).json()
    site = register(organization_id=added["id"])
    for path in (
        URL,
        f"{URL}{added['id']}/change/",
        f"/admin/sites/site/{site.site_id}/change/",
        "/admin/sites/site/?columns=organization",
    ):
        page = browser.get(path).content.decode()
        assert "&lt;b&gt;Conti&lt;/b&gt;" in page
        assert "<b>Conti" not in page
