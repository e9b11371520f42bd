"""Saved views: who sees and changes which, what is stored, and what the history says of views for everybody."""

import uuid
from typing import Any

import pytest
from django.contrib.admin.views.main import ORDER_VAR
from django.test import Client

from accounts.models import Admin
from audit.models import Event
from panel.sites.list.columns import SiteListPage
from panel.sites.list.shown_columns import COLUMNS
from panel.tests.screen import LIST, browser_of
from sites.models import SavedView
from sites.saved_views import RECORDED

VIEWS = f"{LIST}views/"


def save(admin: Admin, name: str, query: str = "status=offline", **entries: str) -> Any:
    return browser_of(admin).post(VIEWS, {"name": name, "query": query, **entries}, follow=True)


def change(admin: Admin, view: SavedView, **entries: str) -> Any:
    return browser_of(admin).post(f"{VIEWS}{view.pk}/", entries, follow=True)


def tabs(admin: Admin, query: str = "") -> list[str]:
    return [view.name for view, _ in browser_of(admin).get(LIST + query).context["saved_views"]().views]


def messages(answer: Any) -> str:
    return " ".join(map(str, answer.context["messages"]))


def test_the_present_list_is_saved_under_a_name_and_shown_above_the_list(vera: Admin) -> None:
    page = browser_of(vera).get(f"{VIEWS}?status=offline&q=roma&o=-4.1&p=3&columns=state&columns=seen&e=1")
    assert page.context["present"] == [
        "columns: Site, State, Last seen",
        "order: Last seen, reversed",
        "search: roma",
        "status: offline",
    ]
    answer = save(vera, "  Roman trouble ", page.context["query"])
    query = "columns=state%2Cseen&o=-4&q=roma&status=offline"
    assert answer.redirect_chain == [(f"{LIST}?{query}", 302)]
    assert (SavedView.objects.get().name, SavedView.objects.get().query) == ("Roman trouble", query)
    html = answer.content.decode()
    assert f'<a href="?{query.replace("&", "&amp;")}" aria-current="page">Roman trouble</a>' in html


def test_nobody_sees_the_own_views_of_another_admin(anna: Admin, vera: Admin) -> None:
    save(vera, "Mine")
    assert (tabs(vera), tabs(anna)) == (["Mine"], [])
    assert "Mine" not in browser_of(anna).get(VIEWS).content.decode()


@pytest.mark.parametrize("entries", [{"name": "Stolen"}, {"replace": "yes"}, {"delete": "yes"}])
def test_a_view_of_somebody_else_is_not_found(anna: Admin, vera: Admin, entries: dict[str, str]) -> None:
    save(vera, "Mine")
    view = SavedView.objects.get()
    assert browser_of(anna).get(f"{VIEWS}{view.pk}/").status_code == 404
    assert change(anna, view, **entries).status_code == 404
    assert list(SavedView.objects.values("name", "query")) == [{"name": "Mine", "query": "status=offline"}]
    unknown = SavedView(pk=uuid.uuid4())
    assert change(anna, unknown, **entries).status_code == 404


def test_a_sysadmin_saves_a_view_for_everybody_and_others_only_open_it(anna: Admin, ben: Admin, vera: Admin) -> None:
    save(anna, "All offline", is_for_everybody="on")
    view = SavedView.objects.get()
    assert view.owner is None
    assert tabs(ben) == tabs(vera) == ["All offline"]
    assert 'name="replace"' not in browser_of(ben).get(VIEWS).content.decode()
    assert browser_of(ben).get(f"{VIEWS}{view.pk}/")["Location"] == f"{LIST}?status=offline"
    for entries in ({"name": "Renamed"}, {"replace": "yes"}, {"delete": "yes"}):
        assert change(ben, view, **entries).status_code == 404
    assert SavedView.objects.get().name == "All offline"


def test_who_may_not_share_saves_for_oneself_even_with_a_forged_form(ben: Admin) -> None:
    save(ben, "Forged", is_for_everybody="on")
    assert SavedView.objects.get().owner == ben
    assert "is_for_everybody" not in browser_of(ben).get(VIEWS).content.decode()


def test_a_view_is_renamed_replaced_and_deleted(vera: Admin) -> None:
    save(vera, "Old")
    view = SavedView.objects.get()
    change(vera, view, name="New", query="tag=pilot")
    assert list(SavedView.objects.values_list("name", "query")) == [("New", "status=offline")]
    answer = change(vera, view, replace="yes", query="tag=pilot&p=7")
    assert answer.redirect_chain == [(f"{LIST}?tag=pilot", 302)]
    assert list(SavedView.objects.values_list("name", "query")) == [("New", "tag=pilot")]
    change(vera, view, delete="yes")
    assert not SavedView.objects.exists()
    assert not Event.objects.filter(subject_type="saved_view").exists(), "own views leave no events"


def test_the_history_says_who_changed_a_view_for_everybody(anna: Admin) -> None:
    save(anna, "Old", is_for_everybody="on")
    view = SavedView.objects.get()
    change(anna, view, name="New")
    change(anna, view, name="New")
    change(anna, view, replace="yes", query="q=roma&status=late")
    change(anna, view, delete="yes")
    events = Event.objects.filter(subject_type="saved_view", subject_id=str(view.pk)).order_by("sequence")
    assert [(event.action, event.subject_name, event.actor_name, event.changes) for event in events] == [
        ("saved_view.created", "Old", "anna", {"filters": [None, "status=offline"]}),
        ("saved_view.changed", "New", "anna", {"name": ["Old", "New"]}),
        ("saved_view.changed", "New", "anna", {"filters": ["status=offline", "q, status=late"]}),
        ("saved_view.deleted", "New", "anna", {"filters": ["q, status=late", None]}),
    ]
    assert "View saved for everybody" in browser_of(anna).get("/admin/audit/event/").content.decode()


def filters_of_newest_event() -> Any:
    return Event.objects.filter(subject_type="saved_view").latest("sequence").changes["filters"]


@pytest.mark.parametrize("name", ["q", "tag", "version", "zone"])
def test_the_history_of_a_view_for_everybody_has_nothing_that_somebody_typed(anna: Admin, name: str) -> None:
    save(anna, "All", f"{name}=giulia", is_for_everybody="on")
    assert filters_of_newest_event() == [None, name]
    change(anna, SavedView.objects.get(), replace="yes", query=f"{name}=rossi&licensed=yes")
    assert filters_of_newest_event() == [name, f"licensed=yes, {name} (changed)"]


def test_the_history_has_no_value_of_a_filter_that_is_gone(anna: Admin) -> None:
    view = SavedView.objects.create(name="Old release", query="owner=giulia")
    change(anna, view, delete="yes")
    assert filters_of_newest_event() == ["owner", None]


def test_the_history_has_the_values_of_all_filters_with_fixed_options() -> None:
    fixed = {each.parameter_name for each in SiteListPage.list_filter if each.options}
    assert fixed | {ORDER_VAR, COLUMNS} == RECORDED


def test_a_name_is_used_once_by_each_owner(anna: Admin, ben: Admin) -> None:
    for admin, entries in ((anna, {}), (ben, {}), (anna, {"is_for_everybody": "on"})):
        assert "Saved the view" in messages(save(admin, "North", **entries))
    again = save(anna, "North", "tag=pilot")
    assert again.context["form"].errors == {"name": ["There is a view of this name already"]}
    save(anna, "South")
    south = SavedView.objects.get(name="South")
    assert "There is a view of this name already" in messages(change(anna, south, name="North"))
    assert SavedView.objects.count() == 4


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\nb", "\0", "\u200b", " \u202e\u200b "])
def test_a_wrong_name_is_refused(vera: Admin, name: str) -> None:
    assert "name" in save(vera, name).context["form"].errors
    save(vera, "Good")
    assert "The view was not changed." in messages(change(vera, SavedView.objects.get(), name=name))
    assert list(SavedView.objects.values_list("name", flat=True)) == ["Good"]


@pytest.mark.parametrize(
    "query",
    [
        "ends_in_week=giulia",
        "ends_in_week=2026-11-24",
        "status=sleeping",
        "view=x",
        "licensed=maybe",
        "q=%00",
        "tag=" + "x" * 2000,
        "q=" + "%F0%9F%8F%9D" * 200,
    ],
)
def test_a_list_that_there_is_not_cannot_be_saved(vera: Admin, query: str) -> None:
    assert "query" in save(vera, "Bad", query).context["form"].errors
    save(vera, "Good")
    assert "The view was not changed." in messages(change(vera, SavedView.objects.get(), replace="yes", query=query))
    assert list(SavedView.objects.values_list("name", "query")) == [("Good", "status=offline")]


def test_a_week_that_the_list_no_longer_offers_can_be_saved(vera: Admin) -> None:
    save(vera, "Week", "ends_in_week=2026-11-23")
    assert SavedView.objects.get().query == "ends_in_week=2026-11-23"


def test_only_what_the_list_knows_is_stored(vera: Admin) -> None:
    save(vera, "Odd", "status=late&password=secret&p=2&site__keys__digest=x&o=drop&columns=nonsense,week&status=")
    assert SavedView.objects.get().query == "columns=state%2Cweek"


def test_an_admin_has_at_most_fifty_views(vera: Admin, anna: Admin) -> None:
    SavedView.objects.bulk_create(SavedView(owner=vera, name=f"View {number:02}") for number in range(50))
    assert "at most 50 views" in str(save(vera, "One more").context["form"].errors)
    assert tabs(vera) == [f"View {number:02}" for number in range(6)]
    assert "44 more" in browser_of(vera).get(LIST).content.decode()
    assert "Saved the view" in messages(save(anna, "Mine", is_for_everybody="on"))


def test_the_view_that_is_shown_stands_among_the_first(vera: Admin) -> None:
    SavedView.objects.bulk_create(
        SavedView(owner=vera, name=f"View {number:02}", query=f"tag=t{number}") for number in range(9)
    )
    assert tabs(vera, "?tag=t8&p=1") == [f"View {number:02}" for number in (*range(6), 8)]


def test_the_view_that_is_shown_stands_last_among_many_of_which_some_are_unusable(vera: Admin) -> None:
    SavedView.objects.bulk_create(
        SavedView(owner=vera, name=f"View {number:02}", query="colour=red" if number % 2 else f"tag=t{number}")
        for number in range(40)
    )
    found = browser_of(vera).get(f"{LIST}?tag=t38").context["saved_views"]()
    assert [(view.name, is_shown) for view, is_shown in found.views] == [
        *((f"View {number:02}", False) for number in range(0, 12, 2)),
        ("View 38", True),
    ]
    assert found.others == 33


def test_a_view_with_a_filter_that_is_gone_is_kept_and_not_opened(vera: Admin) -> None:
    view = SavedView.objects.create(owner=vera, name="Old release", query="colour=red&o=99")
    page = browser_of(vera).get(VIEWS).content.decode()
    assert "colour: red" in page
    assert "no longer has one of these filters" in page
    assert "?colour=red" not in page
    answer = browser_of(vera).get(f"{VIEWS}{view.pk}/", follow=True)
    assert answer.redirect_chain == [(VIEWS, 302)]
    assert "no longer has a filter" in messages(answer)
    assert tabs(vera) == []
    change(vera, view, replace="yes", query="status=late")
    assert tabs(vera) == ["Old release"]


@pytest.mark.parametrize("query", ["", "p=2", "colour=red"])
def test_a_view_is_not_replaced_by_the_list_of_all_sites(vera: Admin, query: str) -> None:
    """Which is what the page has if it was not opened from a list."""
    view = SavedView.objects.create(owner=vera, name="Old release", query="colour=blue")
    page = browser_of(vera).get(f"{VIEWS}?{query}").content.decode()
    assert 'name="replace"' not in page
    assert "open the list first" in page
    assert "Open the list first" in messages(change(vera, view, replace="yes", query=query))
    assert SavedView.objects.get().query == "colour=blue"


def test_replacing_is_offered_only_with_a_list_that_can_be_saved(vera: Admin) -> None:
    SavedView.objects.create(owner=vera, name="Mine", query="status=late")
    assert 'name="replace"' in browser_of(vera).get(f"{VIEWS}?status=offline").content.decode()
    for query in ("status=sleeping", "q=" + "x" * 2000):
        assert 'name="replace"' not in browser_of(vera).get(f"{VIEWS}?{query}").content.decode()


def test_names_and_filters_are_escaped(vera: Admin) -> None:
    evil = "<script>alert(1)</script>\"'&"
    save(vera, evil, "q=<script>alert(2)</script>")
    for path in (LIST, VIEWS, f"{LIST}?{SavedView.objects.get().query}"):
        assert "<script>alert" not in browser_of(vera).get(path).content.decode()


def test_a_form_without_its_token_changes_nothing(vera: Admin) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(vera)
    view = SavedView.objects.create(owner=vera, name="Mine")
    assert browser.post(VIEWS, {"name": "Forged", "query": ""}).status_code == 403
    assert browser.post(f"{VIEWS}{view.pk}/", {"delete": "yes"}).status_code == 403
    assert SavedView.objects.get() == view


def test_the_own_views_of_a_disabled_admin_are_out_of_sight(anna: Admin, vera: Admin) -> None:
    save(vera, "Mine")
    browser = browser_of(vera)
    Admin.objects.filter(pk=vera.pk).update(is_active=False)
    assert browser.get(VIEWS).status_code == 302
    assert tabs(anna) == []


def test_a_view_of_a_release_that_wrote_the_query_in_another_way_is_opened(vera: Admin) -> None:
    view = SavedView.objects.create(owner=vera, name="Old", query="tag=north&is_locked__exact=1&o=99&columns=gone,end")
    assert tabs(vera) == ["Old"]
    assert browser_of(vera).get(f"{VIEWS}{view.pk}/", follow=True).status_code == 200
