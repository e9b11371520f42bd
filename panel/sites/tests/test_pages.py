"""The admin's pages of sites: permissions of the roles, number of queries, search and filters."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from audit.models import Event
from conftest import Register, RegisteredSite
from panel.tests.screen import browser_of
from sites.models import Site, SiteKey

pytestmark = pytest.mark.any_database

LIST = "/admin/sites/site/"
ADD = "/admin/sites/site/add/"


def operate(name: str, *sites: RegisteredSite) -> str:
    return f"{LIST}operate/{name}/?" + "&".join(f"site={site.site_id}" for site in sites)


def confirmation(*sites: RegisteredSite, **facts: str) -> dict[str, object]:
    return {"confirmed": "yes", "site": [site.site_id for site in sites], **facts}


def pages_of(site: RegisteredSite) -> dict[str, str]:
    return {
        "add": ADD,
        "lock": operate("lock", site),
        "unlock": operate("unlock", site),
        "extend": operate("extend", site),
        "deregister": operate("deregister", site),
        "restore": operate("restore", site),
        "rotate": f"{LIST}{site.site_id}/rotate-key/",
    }


ALLOWED = {
    "anna": {"add", "lock", "unlock", "extend", "deregister", "restore", "rotate"},
    "ben": {"lock", "unlock", "extend"},
    "vera": set(),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_each_role_reaches_only_the_pages_that_it_may_use(
    name: str, roma: RegisteredSite, request: pytest.FixtureRequest
) -> None:
    browser = browser_of(request.getfixturevalue(name))
    before = Site.objects.values().get()
    for page, path in pages_of(roma).items():
        expected = 200 if page in ALLOWED[name] else 403
        assert browser.get(path).status_code == expected, page
        if expected == 403:
            forged = {"confirmed": "yes", "site": roma.site_id, "reason": "x", "days": "5", "overlap_hours": "0"}
            assert browser.post(path, forged).status_code == 403, page
    assert Site.objects.values().get() == before
    offered = {
        page
        for page in ("lock", "extend", "deregister")
        if f"operate/{page}/" in str(browser.get(change(roma)).content)
    }
    assert offered == ALLOWED[name] & {"lock", "extend", "deregister"}


def change(site: RegisteredSite) -> str:
    return f"{LIST}{site.site_id}/change/"


@pytest.mark.parametrize("name", ["ben", "vera"])
def test_only_a_sysadmin_can_edit_a_site(name: str, roma: RegisteredSite, request: pytest.FixtureRequest) -> None:
    browser = browser_of(request.getfixturevalue(name))
    assert b'name="_save"' not in browser.get(change(roma)).content
    assert browser.post(change(roma), {"name": "Mine now"}).status_code == 403
    assert Site.objects.get().name == "Trattoria Roma"


def test_the_pages_require_a_sign_in(roma: RegisteredSite) -> None:
    for path in [LIST, change(roma), *pages_of(roma).values()]:
        answer = Client().get(path)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/admin/login/")


def test_the_list_needs_as_many_queries_for_few_sites_as_for_many(anna: Admin, register: Register) -> None:
    browser = browser_of(anna)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(LIST).status_code == 200
        return len(queries)

    for number in range(5):
        register(name=f"Site {number}")
    browser.get(LIST)
    few = cost()
    for number in range(40):
        register(name=f"More {number}").call_home()
    assert cost() == few


def test_saving_an_unchanged_form_changes_nothing(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    form = browser.get(change(roma)).context["form"]
    values = {bound.html_name: bound.value() for bound in form}
    assert browser.post(change(roma), values).status_code == 302
    assert Site.objects.get().revision == 1
    assert not Event.objects.filter(action="site.updated").exists()


def test_no_page_shows_the_digest_of_a_key(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    key = SiteKey.objects.get()
    for path in (LIST, change(roma), "/admin/sites/sitekey/", f"/admin/sites/sitekey/{key.pk}/change/"):
        page = browser.get(path).content.decode()
        assert key.digest not in page
        assert roma.key not in page


@pytest.mark.parametrize("table", ["sites/sitekey", "audit/event", "heartbeat/heartbeat"])
def test_tables_that_services_own_cannot_be_edited(anna: Admin, roma: RegisteredSite, table: str) -> None:
    roma.call_home()
    browser = browser_of(anna)
    assert browser.get(f"/admin/{table}/").status_code == 200
    assert browser.get(f"/admin/{table}/add/").status_code == 403


def test_a_search_ignores_case(anna: Admin, register: Register) -> None:
    register(name="Café Élan")
    register(name="Bistro")
    page = browser_of(anna).get(LIST, {"q": "CAFÉ éLAN"}).content.decode()
    assert "Café Élan" in page
    assert "Bistro" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/admin/sites/sitekey/?digest__startswith=a",
        "/admin/audit/event/?subject_name__regex=%28",
        "/admin/audit/event/?at__year=99999999999999999999",
        "/admin/audit/event/?action=%00",
        "/admin/accounts/admin/?role__exact=%00",
        "/admin/accounts/admin/?password__startswith=a",
    ],
)
def test_a_list_answers_only_the_filters_that_it_offers(vera: Admin, path: str) -> None:
    answer = browser_of(vera).get(path)
    assert answer.status_code in (302, 400)


def test_the_filters_that_the_lists_offer_work(anna: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    browser = browser_of(anna)
    for path in (
        f"{LIST}?is_locked__exact=0&is_active__exact=1&status=online&licensed=yes",
        f"/admin/audit/event/?subject_type=site&subject_id={roma.site_id}&action__exact=site.registered",
        f"/admin/heartbeat/heartbeat/?site__site_id__exact={roma.site_id}&answer=service",
        "/admin/accounts/admin/?role__exact=sysadmin&is_active__exact=1",
    ):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert page.context["cl"].result_count == 1, path


def test_control_characters_are_refused_as_in_the_api(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    answer = browser.post(operate("lock", roma), confirmation(roma, reason="x\x07\x1b[31m"))
    assert b"Control characters are not allowed" in answer.content
    registration = {
        "site_id": "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
        "owner_name": "G",
        "contact_email": "g@x.example",
    }
    answer = browser.post(ADD, {**registration, "name": "ev\x1b[2Jil", "timezone": "UTC"})
    assert b"Control characters are not allowed" in answer.content
    assert Site.objects.get().is_locked is False


@pytest.mark.parametrize("table", ["sites/site", "sites/sitekey", "heartbeat/heartbeat"])
def test_the_search_of_each_list_ignores_case(anna: Admin, register: Register, table: str) -> None:
    register(name="Chez Élise").call_home()
    register(name="Bistro").call_home()
    page = browser_of(anna).get(f"/admin/{table}/", {"q": "chez éLISE"})
    assert page.context["cl"].result_count == 1


def test_saving_the_form_does_not_write_the_pulse(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    site = Site.objects.get()
    form = {
        "revision": "1",
        "name": "Renamed",
        "owner_name": site.owner_name,
        "contact_email": site.contact_email,
        "timezone": site.timezone,
    }
    with CaptureQueriesContext(connection) as queries:
        assert browser.post(change(roma), form).status_code == 302
    written = [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
    assert any('UPDATE "sites_site"' in sql for sql in written)
    assert not any("sites_sitepulse" in sql or "heartbeat_heartbeat" in sql for sql in written)
    assert Site.objects.get().name == "Renamed"
