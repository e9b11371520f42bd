"""The list of sites: its order, texts, filters and pages, and its number of queries."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Register
from heartbeat.models import Heartbeat
from sites.models import Site, SitePulse
from sites.services import deregister_site, lock_site, register_site, update_site

LIST = "/admin/sites/site/"
# session, admin, the mark in the header, versions, zones and tags, which sites, their rows, their tags, their bars, saved
# views, kept count, counts of the views, and deregistered sites if something is searched
QUERIES = 13
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def browser(vera: Admin) -> Client:
    browser = Client()
    browser.force_login(vera)
    return browser


def make(
    name: str, *, due_in: timedelta | None = None, version: str = "1.0.0", ends_in: timedelta = 300 * DAY, **facts: Any
) -> Site:
    """A site that will be due, or was, by so much; without that never seen."""
    at = timezone.now()
    owner = {"owner_name": f"Owner of {name}", "contact_email": "owner@x.example"}
    site = register_site(name=name, **owner, license_expires_at=at + ends_in, by=COMMAND, at=at - 8 * DAY, **facts).site
    if due_in is not None:
        due_at = at + due_in
        SitePulse.objects.filter(pk=site.pk).update(due_at=due_at, last_seen_at=due_at - 6 * HOUR, version=version)
        Heartbeat.objects.create(
            site_id=site.pk,
            received_at=due_at - 6 * HOUR,
            due_at=due_at,
            version=version,
            uptime_seconds=1,
            licensed=True,
            locked=False,
        )
    return site


@pytest.fixture
def street(db: None) -> None:
    """One site in each state, named so that no other order looks like the one of triage."""
    at = timezone.now()
    make("Zagreb", due_in=-9 * DAY)
    make("Quito", due_in=-3 * HOUR, version="2.0.0")
    make("Parma", due_in=-HOUR / 2)
    lock_site(
        make("Oslo", due_in=HOUR).pk,
        reason="unpaid invoice 118, and a long story about who is to blame",
        by=COMMAND,
        at=at,
    )
    make("Nizza", due_in=HOUR, ends_in=-3 * DAY - HOUR)
    update_site(make("Lyon", due_in=-DAY, ends_in=10 * DAY).pk, {"is_active": False}, by=COMMAND, at=at)
    make("Kiel", timezone="Europe/Berlin")
    make("Como", due_in=3 * HOUR, ends_in=12 * DAY + HOUR)
    make("Bari", due_in=2 * HOUR, version="10.1.0", ends_in=40 * DAY)
    deregister_site(make("Aosta", due_in=-HOUR / 2).pk, by=COMMAND, at=at)
    SitePulse.objects.filter(site__name__in=["Aosta", "Bari", "Quito"]).update(clone_suspected_at=at)
    # Parma's agent holds what was never sent to it, Bari's what was, and for Como a person has decided.
    SitePulse.objects.filter(site__name__in=["Parma", "Bari", "Como"]).update(held_revision=7)
    SitePulse.objects.filter(site__name="Bari").update(lease_revision=7)
    Site.objects.filter(name="Como").update(overruled_revision=7)
    # Of the agents that report, Bari's has applied what it was told, Como's has not, and Oslo's does not know of its lock.
    SitePulse.objects.filter(site__name="Bari").update(applied_revision=1)
    SitePulse.objects.filter(site__name="Como").update(applied_revision=0, lease_revision=1)
    SitePulse.objects.filter(site__name="Oslo").update(applied_revision=1, lease_revision=1)


def names(page: Any) -> str:
    return " ".join(site.name for site in page.context["cl"].result_list)


def text(page: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).replace("\xa0", " ").split())


WORST_FIRST = "Zagreb Quito Parma Oslo Lyon Nizza Kiel Bari Como"
NOT_WELL = "Zagreb Quito Parma Nizza Bari"


@pytest.mark.usefixtures("street")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", WORST_FIRST),
        ("?o=1", "Bari Como Kiel Lyon Nizza Oslo Parma Quito Zagreb"),
        ("?o=-1", "Zagreb Quito Parma Oslo Nizza Lyon Kiel Como Bari"),
        ("?o=2", WORST_FIRST),
        ("?o=-2", " ".join(reversed(WORST_FIRST.split()))),
        ("?o=3", "Nizza Lyon Como Bari"),
        ("?o=4", "Zagreb Lyon Quito Parma"),
        ("?o=-4.1", "Como Bari"),
        ("?o=-5", "Quito"),
        ("?o=6", WORST_FIRST),
        ("?o=99", WORST_FIRST),
        ("?o=x.-y", WORST_FIRST),
        ("?o=", WORST_FIRST),
    ],
)
def test_the_worst_stand_on_top_unless_another_column_is_asked_for(browser: Client, query: str, expected: str) -> None:
    assert names(browser.get(LIST + query)).startswith(expected)


@pytest.mark.usefixtures("street")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=online", "Oslo Nizza Bari Como"),
        ("status=late", "Parma"),
        ("status=offline", "Zagreb Quito Lyon"),
        ("status=never_seen", "Kiel"),
        ("is_locked__exact=1", "Oslo"),
        ("told_of_lock=no", "Oslo"),
        ("told_of_lock=yes", ""),
        ("receipt=requested", "Oslo"),
        ("receipt=requested&told_of_lock=no", "Oslo"),
        ("receipt=delivered", "Como"),
        ("receipt=applied", "Bari"),
        ("receipt=unreported", "Zagreb Quito Parma Lyon Nizza Kiel"),
        ("receipt=unreported&status=offline&o=1", "Lyon Quito Zagreb"),
        ("is_locked__exact=0&status=online", "Nizza Bari Como"),
        ("is_active__exact=0", "Lyon"),
        ("is_active__exact=1&licensed=no", "Nizza"),
        ("licensed=yes", "Zagreb Quito Parma Oslo Kiel Bari Como"),
        ("licensed=no", "Lyon Nizza"),
        ("licensed=ending", "Como"),
        ("version=2.0.0", "Quito"),
        ("version=3.0.0", ""),
        ("zone=Europe/Berlin", "Kiel"),
        ("clone_suspected=yes", "Quito Bari"),
        ("clone_suspected=yes&status=online&q=bari", "Bari"),
        ("clone_suspected=no&status=late", "Parma"),
        ("clone_suspected=yes&registration=all", "Quito Bari Aosta"),
        ("newer_decision=yes", "Parma"),
        ("newer_decision=yes&status=online", ""),
        ("registration=deregistered", "Aosta"),
        ("registration=all", f"{WORST_FIRST} Aosta"),
        ("registration=all&status=late&o=1", "Aosta Parma"),
        ("view=attention", NOT_WELL),
        ("view=attention&q=PAR", "Parma"),
        ("view=attention&o=1", "Bari Nizza Parma Quito Zagreb"),
        ("view=ending", "Como"),
        ("view=locked", "Oslo"),
        ("q=owner+of+Q", "Quito"),
        ("q=100%25", ""),
    ],
)
def test_each_filter_shows_what_it_says(browser: Client, query: str, expected: str) -> None:
    page = browser.get(f"{LIST}?{query}")
    assert (names(page), page.context["cl"].result_count) == (expected, len(expected.split()))


@pytest.mark.usefixtures("street")
@pytest.mark.parametrize(
    "query",
    [
        "status=sleeping",
        "licensed=maybe",
        "is_locked__exact=2",
        "view=x",
        "registration=gone",
        "clone_suspected=1",
        "status=%F0%28",
    ],
)
def test_an_unknown_value_is_refused_rather_than_taken_for_all(browser: Client, query: str) -> None:
    page = browser.get(f"{LIST}?{query}", follow=True)
    assert page.redirect_chain == [(f"{LIST}?e=1", 302)]
    assert "The list has no such filter" in text(page)


@pytest.mark.parametrize("page", ["0", "-1", "x", "2", "9" * 30, "٣"])
@pytest.mark.usefixtures("street")
def test_a_page_that_is_not_there_is_the_nearest_one(browser: Client, page: str) -> None:
    assert names(browser.get(f"{LIST}?p={page}")) == WORST_FIRST


def test_a_page_past_the_end_is_the_last_one(browser: Client) -> None:
    for number in range(51):
        make(f"Site {number:02}")
    assert names(browser.get(f"{LIST}?p=7")) == names(browser.get(f"{LIST}?p=2")) == "Site 50"


@pytest.mark.usefixtures("street")
def test_each_row_says_its_facts_in_words(browser: Client) -> None:
    shown = text(browser.get(LIST))
    for said in (
        "Zagreb Owner of Zagreb ■ offline ● ends in",
        "▲ late",
        "● online ◆ locked unpaid invoice 118, and a long story",
        "■ ended 3 days ago",
        "■ offline ■ inactive ▲ ends in 10 days",
        "○ never seen",
        "● online ▲ clone suspected",
        "▲ ends in 10 days",
        "7 days: ",
    ):
        assert said in shown
    assert "who is to blame" not in shown, "a long reason is shortened"
    deregistered = text(browser.get(f"{LIST}?registration=deregistered"))
    assert "✕ deregistered" in deregistered
    assert "▲ clone suspected" not in deregistered


@pytest.mark.usefixtures("street")
def test_exact_times_stand_behind_the_rough_ones(browser: Client) -> None:
    seen = SitePulse.objects.get(site__name="Bari").last_seen_at
    assert f'title="{seen:%Y-%m-%d %H:%M:%S} UTC (UTC)"' in browser.get(LIST).content.decode()


def test_a_bar_shows_when_the_site_was_heard(browser: Client, register: Register) -> None:
    make("Gone", due_in=-3 * DAY - HOUR)
    register(name="Here").call_home()
    page = browser.get(LIST).content.decode()
    gone, here = re.findall(r"<title>(7 days: [^<]+)", page)
    assert re.match(r"7 days: [12] seen, 2[67] missed, last missed", gone)
    assert here == "7 days: 1 seen, 27 unrecorded"


@pytest.mark.usefixtures("street")
def test_the_columns_tell_by_which_one_they_are_sorted(browser: Client) -> None:
    def sorted_column(query: str) -> list[tuple[str, str]]:
        page = browser.get(LIST + query).content.decode()
        return re.findall(r'aria-sort="(\w+)">\s*<a class="text" href="([^"]*)"', page)

    assert sorted_column("") == [("ascending", "?o=-2")]
    assert sorted_column("?o=-1&q=a") == [("descending", "?o=1&amp;q=a")]


@pytest.mark.usefixtures("street")
def test_saved_views_are_links_of_which_one_is_current(browser: Client) -> None:
    page = browser.get(f"{LIST}?view=ending&status=online").content.decode()
    tabs = page[page.index('class="saved-views"') : page.index("</nav>", page.index('class="saved-views"'))]
    assert re.findall(r'href="([^"]*)"', tabs) == ["?", "?view=attention", "?view=ending", "?view=locked"]
    assert re.findall(r'href="([^"]*)" aria-current="page"', tabs) == ["?view=ending"]


@pytest.mark.usefixtures("street")
def test_versions_and_zones_that_there_are_can_be_chosen(browser: Client) -> None:
    specs = {spec.parameter_name: spec for spec in browser.get(f"{LIST}?version=0.9").context["cl"].filter_specs}
    assert [value for value, _ in specs["version"].lookup_choices] == ["0.9", "10.1.0", "2.0.0", "1.0.0"]
    assert [value for value, _ in specs["zone"].lookup_choices] == ["Europe/Berlin", "UTC"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "query", ["", "view=attention", "clone_suspected=yes", "q=e", "version=1.0.0", "o=-4", "registration=all"]
)
def test_the_list_asks_the_same_number_of_questions_of_3_sites_and_of_60(browser: Client, query: str) -> None:
    def cost() -> int:
        browser.get(f"{LIST}?{query}")
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(f"{LIST}?{query}").status_code == 200
        return len(queries)

    costs = []
    for numbers in (range(3), range(3, 60)):
        for number in numbers:
            make(f"Site {number}", due_in=-HOUR)
        costs.append(cost())
    assert costs[0] == costs[1] <= QUERIES


def test_a_full_page_stays_small(browser: Client) -> None:
    for number in range(51):
        lock_site(
            make(f"Restaurant {number}", due_in=-3 * DAY).pk, reason="unpaid " * 20, by=COMMAND, at=timezone.now()
        )
    page = browser.get(LIST).content
    assert page.count(b'<svg class="bar"') == 50
    assert b"style=" not in page
    assert len(page) < 200_000


def test_the_search_finds_a_phone_number_and_says_so(browser: Client, register: Register) -> None:
    register(name="Called", contact_phone="+39 06 5550-123")
    register(name="Other")
    page: Any = browser.get(f"{LIST}?q=065550123")
    assert [site.name for site in page.context["cl"].result_list] == ["Called"]
    assert "Name, owner, e-mail, phone or id" in page.content.decode()
