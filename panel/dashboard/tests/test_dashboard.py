"""The first page: numbers that lead to exactly what they count, who did what, and what the page costs."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from conftest import Clock, Register, RegisteredSite, SignIn
from panel.dashboard import first_steps
from panel.dashboard.counts import license_counts
from panel.fleet.devices.tests.cast import every_kind as every_kind_of_device
from panel.tests.estates import create_sites, every_kind
from panel.widgets.weeks import weeks_from
from sites.models import Site

DASHBOARD = "/admin/"
TILES = ["online", "late", "offline", "never seen", "locked", "expired or inactive", "ending within 30 days"]
QUERIES = 24  # of the session, the admin and the page; for sysadmins two are of requests, for erasures and for access
QUERIES_TO_REMEMBER = 1  # once an hour somebody writes down how many heartbeats the hour had


def browser_of(admin: Admin, zone: str = "UTC") -> Client:
    browser = Client()
    browser.force_login(admin)
    browser.cookies["zone"] = zone
    return browser


def page(admin: Admin, zone: str = "UTC") -> str:
    answer = browser_of(admin, zone).get(DASHBOARD)
    assert answer.status_code == 200
    return answer.content.decode()


def text(html: str) -> str:
    """As it is read, without the tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def tiles(html: str) -> dict[str, tuple[int, str]]:
    """By its words each tile's number and where it leads."""
    found = re.findall(r'class="tile" href="([^"]+)"><span class="count">([\d,]+)</span>(.+?)</a>', html)
    return {text(rest)[2:]: (int(number.replace(",", "")), unescape(url)) for url, number, rest in found}


@pytest.mark.parametrize("words", TILES)
def test_a_tile_counts_exactly_the_sites_of_the_list_it_leads_to(anna: Admin, words: str) -> None:
    create_sites(list(every_kind()))
    browser = browser_of(anna)
    number, url = tiles(browser.get(DASHBOARD).content.decode())[words]
    answer: Any = browser.get(url)
    assert answer.status_code == 200, f"the list does not know {url}"
    assert number == answer.context["cl"].result_count > 0


def test_the_tiles_count_what_a_person_would_count(anna: Admin) -> None:
    kinds = [kind for kind in create_sites(list(every_kind())).values() if not kind.is_gone]
    shown = {words: number for words, (number, _) in tiles(page(anna)).items()}
    assert shown == {
        **{status.replace("_", " "): sum(kind.status == status for kind in kinds) for status in ("online", "late")},
        **{
            status.replace("_", " "): sum(kind.status == status for kind in kinds)
            for status in ("offline", "never_seen")
        },
        "locked": sum(kind.lock != "unlocked" for kind in kinds),
        "expired or inactive": sum(not kind.is_licensed for kind in kinds),
        "ending within 30 days": sum(kind.is_active and kind.licence in ("a month", "days") for kind in kinds),
    }


def test_a_count_of_zero_has_no_colour_of_an_alarm(anna: Admin, register: Register, api: APIClient) -> None:
    html = page(anna)
    for state in ("offline", "late", "locked", "expired"):
        assert f"state-{state}" not in html
    api.post(f"{register().path}/lock", {"reason": "unpaid"})
    assert '<span class="count">1</span> <span class="state state-locked">' in page(anna)


def test_one_heartbeat_and_one_licence_are_not_in_the_plural(anna: Admin, register: Register) -> None:
    register(license_expires_at=(timezone.now() + timedelta(days=3)).isoformat()).call_home()
    html = page(anna)
    assert "1 heartbeat; busiest hour" in html
    assert "1 licence ends; busiest week" in html


@pytest.mark.parametrize(("name", "may_register"), [("anna", True), ("ben", False), ("vera", False)])
def test_every_role_sees_all_of_it_and_its_own_buttons(
    name: str, may_register: bool, roma: RegisteredSite, request: pytest.FixtureRequest
) -> None:
    html = page(request.getfixturevalue(name))
    for title in ("Needs attention", "Heartbeats of", "Licences ending", "Recent activity", "System health"):
        assert title in html
    assert list(tiles(html)) == TILES
    assert ("Register a site" in html) is may_register
    assert 'href="/admin/audit/event/"' in html, "the list of all tables"
    assert ('href="/admin/accounts/admin/add/"' in html) is may_register


def test_before_the_first_site_the_page_says_what_to_do(anna: Admin, vera: Admin) -> None:
    assert "Register the first one" in text(page(anna))
    assert "A sysadmin can register the first one" in text(page(vera))
    assert {number for number, _ in tiles(page(vera)).values()} == {0}
    assert "No heartbeats." in page(vera)
    assert "No activity yet." in page(vera)


@pytest.mark.slow
def test_it_costs_the_same_for_few_and_for_many(
    anna: Admin, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_steps, "SHOWN_FOR", timedelta(0))  # as if the first heartbeat were old
    browser = browser_of(anna)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(DASHBOARD).status_code == 200
        return len(queries)

    for number in range(3):
        register(name=f"Site {number}", license_expires_at="2020-01-01T00:00:00Z").call_home()
    assert cost() == QUERIES + QUERIES_TO_REMEMBER
    assert cost() == QUERIES
    for number in range(60):
        register(name=f"More {number}", license_expires_at="2020-01-01T00:00:00Z").call_home()
    assert cost() == QUERIES + 1, "these registrations are one line, so that more events are read"
    caches["counters"].clear()
    assert cost() == QUERIES + 1 + QUERIES_TO_REMEMBER


def test_the_page_is_small_and_within_the_content_policy(anna: Admin) -> None:
    create_sites(list(every_kind()))
    html = page(anna)
    assert len(html) < 100_000
    assert not re.search(r"<[^>]+\sstyle=|<style|<script(?![^>]+src=)|\son\w+=", html)


# --- Recent activity -----------------------------------------------------------------------------------------------


def recent_events(html: str) -> list[str]:
    (section,) = re.findall(r'aria-labelledby="recent-events">(.+?)</section>', html, re.DOTALL)
    return [text(row) for row in re.findall(r"<li[^>]*>(.+?)</li>", section, re.DOTALL)]


def test_the_newest_events_are_told_in_words(anna: Admin, ben: Admin, roma: RegisteredSite, signed_in: SignIn) -> None:
    signed_in(ben).post(f"{roma.path}/lock", {"reason": "unpaid <118>"})
    signed_in(ben).post(f"{roma.path}/unlock", {})
    assert recent_events(page(anna)) == [
        "ben unlocked Trattoria Roma just now",
        "ben locked Trattoria Roma unpaid <118> just now",
        "anna registered Trattoria Roma just now",
    ]
    assert f'href="/admin/sites/site/{roma.site_id}/change/"' in page(anna)


def test_an_edit_of_one_thing_is_told_by_its_own_name(api: APIClient, anna: Admin, roma: RegisteredSite) -> None:
    for changes in (
        {"is_active": False},
        {"is_active": True},
        {"license_expires_at": "2031-01-01T00:00:00Z"},
        {"name": "Osteria"},
    ):
        assert api.patch(roma.path, changes).status_code == 200
    assert recent_events(page(anna))[:4] == [
        "anna edited Osteria just now",
        "anna set the licence end of Trattoria Roma just now",
        "anna activated Trattoria Roma just now",
        "anna deactivated Trattoria Roma just now",
    ]


def test_ten_lines_are_shown(anna: Admin, register: Register, api: APIClient) -> None:
    for number in range(6):
        site = register(name=f"Site {number}")
        assert api.patch(site.path, {"owner_name": "Lea"}).status_code == 200
    lines = recent_events(page(anna))
    assert len(lines) == 10
    assert [line.split()[3] for line in lines] == [str(5 - number // 2) for number in range(10)]


def test_one_operation_on_many_sites_is_one_line(anna: Admin, register: Register, api: APIClient) -> None:
    sites = [register(name=f"Site {number}") for number in range(5)]
    for site in sites:
        assert api.post(f"{site.path}/lock", {"reason": "unpaid"}).status_code == 200
    assert recent_events(page(anna))[:2] == [
        "anna locked 5 sites Site 4, Site 3, Site 2 and 2 more (unpaid) just now",
        "anna registered 5 sites Site 4, Site 3, Site 2 and 2 more just now",
    ]
    (url,) = re.findall(r'<a href="([^"]+)">5 sites</a>', page(anna))[:1]
    listed = browser_of(anna).get(url.replace("&amp;", "&")).content.decode()
    assert listed.count("<strong>Locked</strong>") == 5


def test_lines_keep_apart_who_did_it_and_when_and_what_was_done_twice(
    anna: Admin, ben: Admin, register: Register, signed_in: SignIn, clock: Clock
) -> None:
    one, two, three = (register(name=name) for name in ("One", "Two", "Three"))
    for admin, site in ((anna, one), (ben, two)):
        signed_in(admin).post(f"{site.path}/lock", {"reason": "unpaid"})
    signed_in(ben).post(f"{two.path}/lock", {"reason": "still unpaid"})
    signed_in(ben).post(f"{two.path}/unlock", {})
    clock.move(minutes=3)
    signed_in(ben).post(f"{one.path}/unlock", {})
    signed_in(ben).post(f"{three.path}/lock", {"reason": "fraud"})
    said = [re.sub(r" (just now|\d+ minutes ago)$", "", line) for line in recent_events(page(anna))]
    assert said == [
        "ben locked Three fraud",
        "ben unlocked One",
        "ben unlocked Two",
        "ben changed the lock reason of Two still unpaid",
        "ben locked Two unpaid",
        "anna locked One unpaid",
        "anna registered 3 sites Three, Two, One",
    ]


def test_an_operation_on_many_does_not_hide_what_was_before(
    anna: Admin, ben: Admin, register: Register, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panel.dashboard.recent_events.EVENTS_READ", 3)
    sites = [register(name=f"Site {number}") for number in range(5)]
    signed_in(ben).post(f"{sites[0].path}/lock", {"reason": "fraud"})
    for site in sites[1:]:
        signed_in(anna).post(f"{site.path}/lock", {"reason": "unpaid"})
    assert recent_events(page(anna))[:2] == [
        "anna locked 4 sites Site 4, Site 3, Site 2 and 1 more (unpaid) just now",
        "ben locked Site 0 fraud just now",
    ]


def test_a_line_that_may_go_on_says_so(anna: Admin, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVENTS_READ", "MOST_EVENTS_READ"):
        monkeypatch.setattr(f"panel.dashboard.recent_events.{name}", 4)
    for number in range(5):
        register(name=f"Site {number}")
    assert recent_events(page(anna)) == ["anna registered 4+ sites Site 4, Site 3, Site 2 and others just now"]


def test_what_no_admin_did_names_the_system(anna: Admin, roma: RegisteredSite, api: Any) -> None:
    key = api.post(f"{roma.path}/rotate-key", {}).data["secret_key"]
    for _ in range(2):
        roma.call_home(key)
    assert recent_events(page(anna))[0].startswith("The control plane retired the old key of Trattoria Roma")


# --- Charts --------------------------------------------------------------------------------------------------------


def test_heartbeats_stand_in_their_hour_in_the_viewers_zone(anna: Admin, roma: RegisteredSite) -> None:
    for _ in range(3):
        roma.call_home()
    html = page(anna, "Asia/Kolkata")
    hour = timezone.now().replace(minute=0)
    kolkata = hour + timedelta(hours=5, minutes=30)
    assert f'{kolkata:%H:%M} to {kolkata + timedelta(hours=1):%H:%M}: 3 heartbeats"' in html
    assert "Hour (Asia/Kolkata)" in html
    assert "3 heartbeats; busiest hour" in html


def test_licences_end_in_the_weeks_of_the_viewers_calendar(anna: Admin, register: Register) -> None:
    weeks = weeks_from(timezone.now(), number=12)
    edges = [weeks[1][0] + timedelta(seconds=1), weeks[2][0], weeks[2][0] + timedelta(seconds=1), weeks[11][1]]
    for edge in [*edges, weeks[11][1] + timedelta(seconds=1)]:
        register(license_expires_at=edge.isoformat())
    numbers = license_counts(at=timezone.now())
    assert [numbers[f"week-{number}"] for number in range(12)] == [0, 2, 1, *[0] * 8, 1]
    begin, last = weeks[1][0], weeks[1][1] - timedelta(days=1)
    html = page(anna)
    ((url, name),) = re.findall(r'<a href="([^"]+)" aria-label="([^"]+: 2 licences)">', html)
    assert name == f"{begin:%d %b} to {last:%d %b %Y}: 2 licences"
    assert "2 sites" in text(browser_of(anna).get(url).content.decode())


def test_what_has_ended_already_is_in_no_week(register: Register) -> None:
    register(license_expires_at=(timezone.now() - timedelta(seconds=1)).isoformat())
    gone = register(license_expires_at=(timezone.now() + timedelta(days=10)).isoformat())
    Site.objects.filter(pk=gone.site_id).update(deregistered_at=timezone.now())
    numbers = license_counts(at=timezone.now())
    assert sum(numbers[f"week-{number}"] for number in range(12)) == 0


def test_weeks_begin_on_mondays_at_midnight_also_when_the_clocks_change(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    timezone.get_default_timezone.cache_clear()
    weeks = weeks_from(timezone.now(), number=12)
    assert {f"{moment:%a %H:%M}" for week in weeks for moment in week} == {"Mon 00:00"}
    assert weeks[0][0] <= timezone.now() < weeks[0][1]


def device_tiles(html: str) -> dict[str, tuple[int, str]]:
    row = html.partition('aria-label="Devices by status"')[2].partition("</nav>")[0]
    return {words.removesuffix(" devices"): tile for words, tile in tiles(row).items()}


def test_the_row_of_devices_counts_those_of_the_lists_it_leads_to(
    anna: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    assert "Devices by status" not in page(anna), "without devices"
    every_kind_of_device(roma, at=clock.at)
    html, browser = page(anna), browser_of(anna)
    found = device_tiles(html)
    assert {words: number for words, (number, _) in found.items()} == {
        "online": 4,
        "late": 1,
        "offline": 2,
        "stopped": 1,
        "never seen": 2,
    }
    for number, url in found.values():
        answer: Any = browser.get(url)
        assert answer.context["cl"].result_count == number
