"""Each list has as many rows as its reader chose."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from accounts.services import change_preferences
from conftest import Register
from panel.fleet.devices.list.changelist import DeviceChangeList
from panel.own_lists import OwnLength, OwnLengthChangeList
from panel.sites.list.changelist import SiteChangeList
from panel.tests.screen import browser_of

pytestmark = pytest.mark.any_database


def test_each_list_has_as_many_rows_as_the_reader_chose(anna: Admin, ben: Admin, register: Register) -> None:
    for number in range(11):
        register(name=f"Osteria {number:02}")
    change_preferences(anna.pk, {"page_size": 10})
    for path in ("/admin/sites/site/", "/admin/audit/event/", "/admin/sites/sitekey/"):
        lists = [browser_of(person).get(path).context["cl"] for person in (anna, ben)]
        assert [len(each.result_list) for each in lists] == [10, lists[1].result_count], path
        assert [each.multi_page for each in lists] == [True, False], path
    second = browser_of(anna).get("/admin/sites/site/?p=2").context["cl"]
    assert [site.name for site in second.result_list] == ["Osteria 10"]


def test_every_list_of_the_panel_obeys() -> None:
    """A new list is derived from OwnLength, or its changelist calls `rows_of_a_list`."""
    own = (SiteChangeList, DeviceChangeList)
    others = [
        model.__name__
        for model, model_admin in admin.site._registry.items()
        if not (isinstance(model_admin, OwnLength) and model_admin.get_changelist(None) is OwnLengthChangeList)  # type: ignore[arg-type]
        and model_admin.get_changelist(None) not in own  # type: ignore[arg-type]
    ]
    assert others == []


def test_settings_cost_no_query(anna: Admin, register: Register) -> None:
    register()
    browser = browser_of(anna)

    def queries(path: str) -> list[str]:
        with CaptureQueriesContext(connection) as found:
            assert browser.get(path).status_code == 200
        return [query["sql"] for query in found]

    paths = ("/admin/", "/admin/sites/site/", "/admin/audit/event/", "/admin/account/")
    for path in paths:
        browser.get(path)
    before = {path: len(queries(path)) for path in paths}
    change_preferences(anna.pk, {"timezone": "Pacific/Auckland", "theme": "dark", "page_size": 200})
    for path in paths:
        asked = queries(path)
        assert len(asked) == before[path]
        [finds_both] = [sql for sql in asked if "accounts_preferences" in sql]
        assert 'LEFT OUTER JOIN "accounts_preferences"' in finds_both
