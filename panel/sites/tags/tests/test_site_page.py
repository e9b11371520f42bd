"""Tags on the page of a site, and what each role may do with them there and by operations."""

import pytest
from django.test import Client

from accounts.models import Admin
from audit.models import Event
from conftest import Register, RegisteredSite
from panel.tests.screen import LIST, Confirmation, browser_of
from sites.models import SiteTag


def tags() -> list[str]:
    return list(SiteTag.objects.values_list("name", flat=True))


def test_tags_are_added_and_removed_on_the_page_of_a_site(ben: Admin, roma: RegisteredSite) -> None:
    browser, path = browser_of(ben), f"{LIST}{roma.site_id}/tags/"
    answer = browser.post(path, {"add": "Pilot, north , ,pilot"})
    assert answer["Location"] == f"{LIST}{roma.site_id}/change/#tags"
    page = browser.get(f"{LIST}{roma.site_id}/change/").content.decode()
    assert tags() == ["north", "pilot"]
    assert 'href="/admin/sites/site/?tag=pilot">pilot</a>' in page
    browser.post(path, {"remove": "north"})
    assert tags() == ["pilot"]
    [*_, event] = Event.objects.order_by("sequence")
    assert (event.action, event.actor_name, event.source) == ("site.tags_changed", "ben", "admin")


@pytest.mark.parametrize("typed", ["x" * 41, "a\x1bb", "\0"])
def test_a_wrong_tag_is_refused_with_a_message(ben: Admin, roma: RegisteredSite, typed: str) -> None:
    answer = browser_of(ben).post(f"{LIST}{roma.site_id}/tags/", {"add": f"good, {typed}"}, follow=True)
    assert "No tag was changed." in " ".join(map(str, answer.context["messages"]))
    assert tags() == []


@pytest.mark.parametrize("entry", ["add", "remove"])
def test_a_text_that_is_longer_than_all_tags_of_a_site_is_refused(ben: Admin, roma: RegisteredSite, entry: str) -> None:
    typed = ",".join(f"t{number}" for number in range(300))
    answer = browser_of(ben).post(f"{LIST}{roma.site_id}/tags/", {entry: typed}, follow=True)
    assert "no more than 840 characters" in " ".join(map(str, answer.context["messages"]))


def test_a_viewer_sees_tags_and_cannot_change_them(ben: Admin, vera: Admin, roma: RegisteredSite) -> None:
    path = f"{LIST}{roma.site_id}/tags/"
    browser_of(ben).post(path, {"add": "pilot"})
    browser = browser_of(vera)
    page = browser.get(f"{LIST}{roma.site_id}/change/").content.decode()
    assert "?tag=pilot" in page
    assert 'name="remove"' not in page
    assert 'name="add"' not in page
    assert browser.post(path, {"remove": "pilot"}).status_code == 403
    assert tags() == ["pilot"]


def test_a_form_without_its_token_changes_nothing(ben: Admin, roma: RegisteredSite) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ben)
    assert browser.post(f"{LIST}{roma.site_id}/tags/", {"add": "pilot"}).status_code == 403
    assert tags() == []


def test_the_page_of_a_deregistered_site_offers_no_change(anna: Admin, api: Client, roma: RegisteredSite) -> None:
    browser = browser_of(anna)
    browser.post(f"{LIST}{roma.site_id}/tags/", {"add": "pilot"})
    api.delete(roma.path)
    page = browser.get(f"{LIST}{roma.site_id}/change/").content.decode()
    assert "?tag=pilot" in page
    assert 'name="add"' not in page
    answer = browser.post(f"{LIST}{roma.site_id}/tags/", {"remove": "pilot"}, follow=True)
    assert "No tag was changed." in " ".join(map(str, answer.context["messages"]))
    assert tags() == ["pilot"]


def test_the_confirmation_says_what_each_site_gets(ben: Admin, register: Register) -> None:
    first, second, full = (register(name=name) for name in ("First", "Second", "Full"))
    browser = browser_of(ben)
    browser.post(f"{LIST}{first.site_id}/tags/", {"add": "pilot"})
    browser.post(f"{LIST}{full.site_id}/tags/", {"add": ",".join(f"t{n}" for n in range(20))})
    page = Confirmation(ben, "add_tags", (first, second, full))
    assert page.expected_results["First"] == ("will_change", "Has pilot")
    assert "Tag 3 sites" in page.page
    page.send(tags="Pilot")
    assert page.results == {
        "Full": ("refused", "A site can have at most 20 tags"),
        "First": ("unchanged", "Nothing to do"),
        "Second": ("done", "Tags: none → pilot"),
    }
    assert "Tagged 1 site" in page.page


def test_only_tags_that_the_selected_sites_have_are_offered_for_removal(ben: Admin, register: Register) -> None:
    first, second, other = (register(name=name) for name in ("First", "Second", "Other"))
    browser = browser_of(ben)
    for site, names in ((first, "pilot"), (second, "pilot, north"), (other, "elsewhere")):
        browser.post(f"{LIST}{site.site_id}/tags/", {"add": names})
    page = Confirmation(ben, "remove_tags", (first, second))
    assert "north (1 site)" in page.page
    assert "pilot (2 sites)" in page.page
    assert "elsewhere" not in page.page
    page.send(tags="north")
    assert page.results == {
        "First": ("unchanged", "Nothing to do"),
        "Second": ("done", "Tags: north, pilot → pilot"),
    }


def test_nothing_chosen_is_an_error(ben: Admin, roma: RegisteredSite) -> None:
    for operation, entry in (("add_tags", " , "), ("remove_tags", "")):
        page = Confirmation(ben, operation, (roma,)).send(tags=entry)
        assert list(page.errors) == ["tags"]
    assert tags() == []
