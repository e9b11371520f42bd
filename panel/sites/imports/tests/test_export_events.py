"""Who may export, and what the history says of an export."""

from typing import Any

import pytest

from accounts.models import Admin
from audit.models import Event
from conftest import Register, RegisteredSite
from panel.sites.imports.tests.importing import EXPORT
from panel.tests.screen import LIST, browser_of

pytestmark = pytest.mark.any_database

ACTION = {"action": "export_csv", "index": "0"}


def exports() -> list[Event]:
    return list(Event.objects.filter(action="site_list.exported").order_by("sequence"))


def test_an_export_of_the_list_is_an_event_with_its_filters(ben: Admin, register: Register) -> None:
    for name in ("Alpha", "Beta", "Betty"):
        register(name=name)
    browser_of(ben).get(f"{EXPORT}?q=bet&status=never_seen&o=1&p=1", headers={"X-Request-ID": "export-1"})
    [event] = exports()
    assert (event.actor_name, event.source, event.request_id) == ("ben", "admin", "export-1")
    assert (event.subject_type, event.subject_name) == ("site_list", "the list of sites")
    assert event.changes == {"exported_sites": [None, 2], "filters": [None, "q=bet, status=never_seen"]}


def test_an_export_of_all_sites_says_so_by_their_number(anna: Admin, roma: RegisteredSite) -> None:
    browser_of(anna).get(EXPORT)
    assert [event.changes for event in exports()] == [{"exported_sites": [None, 1]}]


def test_an_export_of_a_selection_names_its_sites(anna: Admin, register: Register) -> None:
    chosen = sorted(register(name=name).site_id for name in ("One", "Two"))
    register(name="Three")
    browser_of(anna).post(f"{LIST}?q=o", {**ACTION, "_selected_action": chosen})
    [event] = exports()
    assert event.changes == {
        "exported_sites": [None, 2],
        "filters": [None, "q=o"],
        "selected_sites": [None, chosen],
    }


def test_an_export_of_all_pages_names_the_filters_only(anna: Admin, register: Register) -> None:
    one = register(name="One").site_id
    register(name="Two")
    browser_of(anna).post(f"{LIST}?status=never_seen", {**ACTION, "select_across": "1", "_selected_action": one})
    [event] = exports()
    assert event.changes == {"exported_sites": [None, 2], "filters": [None, "status=never_seen"]}


def test_an_export_is_recorded_before_the_file_is_sent(anna: Admin, roma: RegisteredSite) -> None:
    """A person who breaks the download off has part of the file."""
    answer: Any = browser_of(anna).get(EXPORT)
    assert len(exports()) == 1
    answer.close()


def test_the_events_page_shows_the_export(anna: Admin, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    browser.get(EXPORT)
    assert "anna" in browser.get("/admin/").content.decode()
    page = browser.get("/admin/audit/event/?subject_type=site_list&action=site_list.exported").content.decode()
    assert "Exported" in page
    assert "the list of sites" in page


@pytest.mark.parametrize(("name", "allowed"), [("anna", True), ("ben", True), ("vera", False)])
def test_a_viewer_cannot_export(name: str, allowed: bool, roma: RegisteredSite, request: pytest.FixtureRequest) -> None:
    browser = browser_of(request.getfixturevalue(name))
    assert ("Export CSV" in browser.get(LIST).content.decode()) is allowed
    assert (browser.get(EXPORT).status_code == 200) is allowed
    answer = browser.post(LIST, {**ACTION, "_selected_action": roma.site_id})
    assert answer.headers["Content-Type"].startswith("text/csv") is allowed
    assert len(exports()) == (2 if allowed else 0)


@pytest.mark.parametrize("query", ["q=%00", "zone=%00", "status=nonsense&e=2"])
def test_a_refused_export_is_no_event(query: str, anna: Admin, roma: RegisteredSite) -> None:
    browser_of(anna).get(f"{EXPORT}?{query}")
    assert exports() == []
