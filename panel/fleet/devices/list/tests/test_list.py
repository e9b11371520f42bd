"""The list of devices: order, filters, views with their numbers, columns, and what a page costs."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin
from audit.actors import SYSTEM
from conftest import Clock, Register, RegisteredSite
from fleet.devices.models import Device, DevicePulse
from fleet.devices.services import retire_device
from fleet.devices.status import DeviceStatus
from fleet.heartbeats.transitions import note_transitions
from panel.fleet.devices.list import triage
from panel.fleet.devices.list.query import DeviceQuery
from panel.fleet.devices.tests.cast import DEVICES, TRIAGE, create_device, every_kind
from panel.tests.screen import browser_of
from sites.models import Site
from sites.services import create_organization

pytestmark = pytest.mark.django_db

# Session, admin; the number, five groups or one sorted list, the page; roles and versions, organizations, the views' numbers,
# the mark in the header.
QUERIES = 9


@pytest.fixture
def browser(vera: Admin) -> Client:
    return browser_of(vera)


def names(browser: Client, query: str = "") -> list[str]:
    answer: Any = browser.get(f"{DEVICES}{query}")
    assert answer.status_code == 200, answer.headers
    return [device.name for device in answer.context["cl"].result_list]


def by_alphabet(found: list[str]) -> list[str]:
    """As in TRIAGE, whichever of "Äpfel" and "apple" is first."""
    return ["Äpfel" if name == "apple" else name for name in found]


@pytest.mark.parametrize("sort_at_most", [0, 1_000])
def test_the_order_is_triage(
    browser: Client, roma: RegisteredSite, clock: Clock, monkeypatch: pytest.MonkeyPatch, sort_at_most: int
) -> None:
    monkeypatch.setattr(triage, "SORT_AT_MOST", sort_at_most)
    every_kind(roma, at=clock.at)
    assert by_alphabet(names(browser)) == by_alphabet(TRIAGE)


def test_pages_by_groups_are_those_of_the_sorted_list(
    roma: RegisteredSite, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_kind(roma, at=clock.at)
    for condition in triage.needs_attention(), triage.noted(DeviceStatus.ONLINE), ~triage.noted(DeviceStatus.LATE):
        query = DeviceQuery(at=clock.at, condition=condition)
        for rows in slice(0, 3), slice(3, 6), slice(6, 50):
            found = []
            for sort_at_most in (0, 1_000):
                monkeypatch.setattr(triage, "SORT_AT_MOST", sort_at_most)
                found.append(triage.find_page(query, rows))
            assert found[0] == found[1]


def test_every_device_is_in_exactly_one_group(roma: RegisteredSite, clock: Clock) -> None:
    every_kind(roma, at=clock.at)
    create_device(roma, "registered a second ago", seen=None, at=clock.at)  # nothing is noted of it yet
    Device.objects.filter(name__in=["gone", "slow", "waiting", "stopped"]).update(clone_suspected_at=clock.at)
    groups = [
        set(Device.objects.filter(condition).values_list("name", flat=True))
        for condition in triage.group_conditions(clock.at).values()
    ]
    assert sum(map(len, groups)) == Device.objects.count() == len(set().union(*groups))


def test_the_shown_status_is_the_one_at_this_moment(browser: Client, roma: RegisteredSite, clock: Clock) -> None:
    every_kind(roma, at=clock.at)
    DevicePulse.objects.filter(device__name="gone").update(
        last_seen_at=clock.at, due_at=clock.at + timedelta(seconds=30)
    )
    row = browser.get(DEVICES).content.decode().partition(">gone<")[2].partition("</tr>")[0]
    assert "state-online" in row


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status=offline", {"gone for long", "gone"}),
        ("?status=late", {"slow"}),
        ("?status=stopped", {"stopped"}),
        ("?view=attention", {"gone for long", "gone", "slow", "twin"}),
        ("?view=clones", {"twin"}),
        ("?view=never_seen", {"waiting", "fresh"}),
        ("?q=TWIN", {"twin"}),
        ("?q=nothing", set()),
        ("?role=oven", set()),
        ("?role=till&view=clones", {"twin"}),
        ("?firmware=9.9.9", set()),
        ("?firmware=1.2.0&status=late", {"slow"}),
        ("?o=1&view=attention", {"gone for long", "gone", "slow", "twin"}),
    ],
)
def test_filters_search_and_views(
    browser: Client, roma: RegisteredSite, clock: Clock, query: str, expected: set[str]
) -> None:
    every_kind(roma, at=clock.at)
    assert set(names(browser, query)) == expected


def test_by_name_in_both_directions(browser: Client, roma: RegisteredSite, clock: Clock) -> None:
    every_kind(roma, at=clock.at)
    ascending = names(browser, "?o=1")
    assert ascending[-3:] == ["twin", "waiting", "zebra"]
    assert names(browser, "?o=-1") == ascending[::-1]


def test_by_location_and_organization(browser: Client, register: Register, clock: Clock) -> None:
    roma, milano = register(name="Roma"), register(name="Milano")
    chain = create_organization(name="Conti", by=SYSTEM, at=clock.at)
    Site.objects.filter(pk=milano.site_id).update(organization=chain.pk)
    for site in (roma, milano):
        create_device(site, f"till of {site.site_id}", seen=clock.at, at=clock.at)
    assert names(browser, f"?site={roma.site_id}") == [f"till of {roma.site_id}"]
    assert names(browser, f"?organization={chain.pk}") == [f"till of {milano.site_id}"]
    page = browser.get(f"{DEVICES}?site={roma.site_id}").content.decode()
    assert re.search(r'aria-current="true">Roma<', page)


def test_retired_devices_and_those_of_former_sites_are_out_of_sight(
    browser: Client, register: Register, clock: Clock
) -> None:
    roma, milano = register(name="Roma"), register(name="Milano")
    devices = every_kind(roma, at=clock.at)
    create_device(milano, "former", seen=None, at=clock.at)
    retired_before = create_device(milano, "retired before", seen=None, at=clock.at)
    note_transitions(at=clock.at)
    retire_device(retired_before.pk, by=SYSTEM, at=clock.at)
    Site.objects.filter(pk=milano.site_id).update(deregistered_at=clock.at)
    for name in ("gone", "twin"):
        retire_device(devices[name].pk, by=SYSTEM, at=clock.at)
    assert not {"gone", "twin", "former", "retired before"} & set(names(browser))
    assert shown_counts(browser) == {"": 8, "attention": 2, "offline": 1, "never_seen": 2}


def shown_counts(browser: Client) -> dict[str, int]:
    page = browser.get(DEVICES).content.decode()
    found = re.findall(r'<a href="\?(?:view=(\w+))?"[^>]*>[^<]+<span class="count">([\d,]+)</span>', page)
    return {view: int(count.replace(",", "")) for view, count in found}


def test_the_counts_are_those_of_the_views(browser: Client, roma: RegisteredSite, clock: Clock) -> None:
    every_kind(roma, at=clock.at)
    counts = shown_counts(browser)
    assert counts.keys() == {"", "attention", "offline", "never_seen"}
    for view, count in counts.items():
        assert len(names(browser, f"?view={view}" if view else "")) == count, view


def test_optional_columns_are_chosen_in_the_url(browser: Client, roma: RegisteredSite, clock: Clock) -> None:
    every_kind(roma, at=clock.at)
    usual, chosen = (
        re.findall(r'<td class="field-shown_(\w+)"', browser.get(f"{DEVICES}{query}").content.decode())[:9]
        for query in ("?q=zebra", "?q=zebra&columns=state,hardware,organization")
    )
    assert usual == ["state", "site", "role", "firmware", "seen"]
    assert chosen == ["state", "hardware", "organization"]


@pytest.mark.parametrize("query", ["?status=broken", "?view=none", "?site=1", "?organization=x"])
def test_an_unknown_filter_shows_all_devices_and_says_so(browser: Client, roma: RegisteredSite, query: str) -> None:
    answer = browser.get(f"{DEVICES}{query}", follow=True)
    assert "no such filter" in answer.content.decode()


def test_a_page_beyond_the_last_is_the_last(browser: Client, roma: RegisteredSite, clock: Clock) -> None:
    every_kind(roma, at=clock.at)
    assert len(names(browser, "?p=99")) == 10


@pytest.mark.parametrize(("sort_at_most", "queries"), [(1_000, QUERIES), (0, QUERIES + 4)])
def test_it_costs_the_same_for_few_and_for_many(
    browser: Client,
    roma: RegisteredSite,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    sort_at_most: int,
    queries: int,
) -> None:
    monkeypatch.setattr(triage, "SORT_AT_MOST", sort_at_most)
    create_organization(name="Conti", by=SYSTEM, at=clock.at)
    every_kind(roma, at=clock.at)
    costs = []
    for extra in (0, 30):
        for number in range(extra):
            create_device(roma, f"extra {number}", seen=clock.at, at=clock.at)
        note_transitions(at=clock.at)
        with CaptureQueriesContext(connection) as captured:
            assert len(names(browser)) == 10 + extra
        costs.append(len(captured))
    assert costs == [queries, queries], [each["sql"][:100] for each in captured]
