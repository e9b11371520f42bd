"""The organization of a site in the panel: in the forms, on the page of the site, and in the list."""

import re
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.sites.page.tests.site_form import open_page
from panel.tests.screen import ADD, LIST, FormReader, browser_of
from sites.models import Organization, Site
from sites.tests.conftest import newest_event

pytestmark = pytest.mark.any_database


@pytest.fixture
def browser(anna: Admin) -> Client:
    return browser_of(anna)


@pytest.fixture
def conti(api: APIClient) -> str:
    return add(api, "Trattorie Conti", slug="conti")


def add(api: APIClient, name: str, **facts: Any) -> str:
    added: str = api.post("/api/organizations", {"name": name, **facts}).json()["id"]
    return added


def names(page: Any) -> list[str]:
    return [site.name for site in page.context["cl"].result_list]


@pytest.mark.parametrize("typed", ["conti", "CONTI", " trattorie conti "])
def test_a_site_is_registered_in_an_organization(browser: Client, api: APIClient, conti: str, typed: str) -> None:
    add(api, "Trattorie Conti Nord")
    page = browser.get(ADD).content.decode()
    assert '<option value="conti" label="Trattorie Conti"></option>' in page
    sent = {name: values[-1] for name, values in FormReader(page).fields.items()}
    facts = {"name": "Roma", "owner_name": "G", "contact_email": "g@roma.example", "timezone": "UTC"}
    browser.post(ADD, {**sent, **facts, "organization_id": typed})
    assert str(Site.objects.get().organization_id) == conti


@pytest.mark.parametrize(
    ("typed", "why"),
    [("rossi", "There is no organization “rossi”."), ("Bruni", "More than one organization is called Bruni.")],
)
def test_an_organization_that_is_unknown_or_ambiguous_is_refused(
    anna: Admin, roma: RegisteredSite, api: APIClient, typed: str, why: str
) -> None:
    add(api, "Bruni", slug="b-1")
    add(api, "Bruni", slug="b-2")
    page = open_page(anna, roma)
    page.type(organization_id=typed).save()
    assert why in page.text
    assert Site.objects.get().organization is None


def test_the_edit_form_puts_a_site_into_an_organization_and_takes_it_out(
    anna: Admin, roma: RegisteredSite, conti: str
) -> None:
    page = open_page(anna, roma)
    page.type(organization_id="conti").save()
    assert str(Site.objects.get().organization_id) == conti
    page = open_page(anna, roma)
    assert page.fields["organization_id"] == "conti"
    assert f'<a href="/admin/sites/organization/{conti}/change/">Trattorie Conti</a>' in page.html
    page.type(organization_id="").save()
    assert Site.objects.get().organization is None
    assert newest_event().changes == {"organization": ["conti", None]}


def test_saving_another_field_keeps_the_organization(anna: Admin, register: Register, conti: str) -> None:
    site = register(organization_id=conti)
    open_page(anna, site).type(name="Renamed").save()
    assert str(Site.objects.get().organization_id) == conti
    assert list(newest_event().changes) == ["name"]


def test_an_organization_that_somebody_else_chose_since_is_not_overwritten(
    anna: Admin, roma: RegisteredSite, api: APIClient, conti: str
) -> None:
    page = open_page(anna, roma)
    api.patch(roma.path, {"organization_id": conti})
    page.type(name="Renamed").save()
    assert "This site was changed while you had the page open." in page.text
    assert page.fields["take_organization_id"] == "stored"
    page.save()
    assert (Site.objects.get().name, str(Site.objects.get().organization_id)) == ("Renamed", conti)


def test_an_organization_that_two_people_chose_is_asked_about(
    anna: Admin, roma: RegisteredSite, api: APIClient, conti: str
) -> None:
    add(api, "Rossi")
    page = open_page(anna, roma)
    api.patch(roma.path, {"organization_id": conti})
    page.type(organization_id="rossi").save()
    assert "take_organization_id" not in page.fields
    assert Site.objects.get().organization == Organization.objects.get(slug="conti")
    page.type(take_organization_id="mine").save()
    assert Site.objects.get().organization == Organization.objects.get(slug="rossi")


@pytest.mark.parametrize("old_page", [True, False])
def test_a_form_of_the_previous_release_keeps_the_organization(
    anna: Admin, register: Register, conti: str, old_page: bool
) -> None:
    page = open_page(anna, register(organization_id=conti))
    if old_page:
        del page.fields["organization_id"]
    page.type(name="Renamed").save()
    assert (Site.objects.get().name, str(Site.objects.get().organization_id)) == ("Renamed", conti)


def test_the_list_is_filtered_by_organization(browser: Client, api: APIClient, register: Register, conti: str) -> None:
    rossi = add(api, "Rossi")
    for name, organization in (("A", conti), ("B", rossi), ("C", conti), ("D", None)):
        register(name=name, organization_id=organization)
    for query, found in ((conti, ["A", "C"]), (rossi, ["B"]), ("none", ["D"])):
        for order in ("", "&o=1", "&o=-4"):
            assert sorted(names(browser.get(f"{LIST}?organization={query}{order}"))) == found
    page = browser.get(LIST)
    spec = next(each for each in page.context["cl"].filter_specs if each.parameter_name == "organization")
    assert spec.lookup_choices == [(rossi, "Rossi"), (conti, "Trattorie Conti"), ("none", "no organization")]


@pytest.mark.parametrize("value", ["conti", "None", "0"])
def test_a_filter_that_is_no_id_shows_the_whole_list_with_a_warning(
    browser: Client, roma: RegisteredSite, conti: str, value: str
) -> None:
    page = browser.get(f"{LIST}?organization={value}", follow=True)
    assert [str(message) for message in page.context["messages"]] == [
        "The list has no such filter, so it shows all sites."
    ]


def test_an_unknown_organization_has_no_sites(browser: Client, roma: RegisteredSite) -> None:
    assert names(browser.get(f"{LIST}?organization=0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11")) == []


def test_without_organizations_the_list_has_no_such_filter(browser: Client, roma: RegisteredSite) -> None:
    assert "By organization" not in browser.get(LIST).content.decode()


def test_the_column_links_to_the_organization(browser: Client, register: Register, conti: str) -> None:
    register(name="A", organization_id=conti)
    register(name="B")
    html = browser.get(f"{LIST}?columns=organization&o=1").content.decode()
    cells = re.findall(r'<td class="field-shown_organization">(.*?)</td>', html)
    assert cells == [f'<a href="/admin/sites/organization/{conti}/change/">Trattorie Conti</a>', "–"]
    assert "field-shown_organization" not in browser.get(LIST).content.decode()


def test_a_saved_view_keeps_the_filter_when_the_organization_is_renamed(
    browser: Client, api: APIClient, register: Register, conti: str
) -> None:
    register(name="A", organization_id=conti)
    register(name="B")
    browser.post(f"{LIST}views/", {"name": "Chain", "query": f"organization={conti}", "for": "me"})
    api.patch(f"/api/organizations/{conti}", {"name": "Rossi", "slug": "rossi"})
    page = browser.get(f"{LIST}views/").content.decode()
    assert "organization: Rossi" in page
    link = re.search(r'href="([^"]*organization=[^"]*)"', browser.get(LIST).content.decode())
    assert link
    assert names(browser.get(LIST + link[1].replace("&amp;", "&"))) == ["A"]
