"""The page of a site says how far the newest decision has come: requested, delivered, applied; or why it is not known."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Clock, RegisteredSite
from panel.tests.screen import LIST, browser_of
from sites.models import SitePulse
from sites.services import deregister_site, lock_site, unlock_site

pytestmark = pytest.mark.any_database

NONCE = "n" * 16


def beat(site: RegisteredSite, revision: int, state: str) -> None:
    """A heartbeat of an agent that has applied this revision."""
    answer = site.call_home(nonce=NONCE, applied_revision=revision, applied_state=state)
    assert answer.status_code == 200, answer.content


def lock(site: RegisteredSite, clock: Clock) -> None:
    lock_site(site.site_id, reason="unpaid", by=COMMAND, at=clock())  # type: ignore[arg-type]


def receipt_on(page: str) -> str:
    """The stages as they are read, separated by arrows; empty without a receipt."""
    listed = page.partition('<ol class="receipt"')[2].partition("</ol>")[0]
    stages = re.findall(r"<li[^>]*>(.+?)</li>", listed, re.DOTALL)
    return " → ".join(" ".join(unescape(re.sub(r"<[^>]+>", " ", stage)).split()) for stage in stages)


def page_of(admin: Admin, site: RegisteredSite, zone: str = "UTC") -> str:
    browser: Client = browser_of(admin)
    browser.cookies["zone"] = zone
    return browser.get(f"{LIST}{site.site_id}/change/").content.decode()


def stages(admin: Admin, site: RegisteredSite) -> str:
    return receipt_on(page_of(admin, site))


def test_a_decision_is_requested_then_delivered_then_applied(vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    beat(roma, 1, "ok")
    clock.move(minutes=1)
    lock(roma, clock)
    due = SitePulse.objects.get().due_at
    assert due
    clock.move(seconds=2)
    requested = "Requested 12:01:00 UTC by a command"
    assert stages(vera, roma) == (
        f"{requested} just now → Not delivered yet: at its next heartbeat, by {due:%H:%M} UTC"
    )
    beat(roma, 1, "ok")
    clock.move(minutes=4)
    assert stages(vera, roma) == (f"{requested} 4 minutes ago → Delivered 12:01:02 UTC 4 minutes ago → Not applied yet")
    beat(roma, 2, "locked")
    assert stages(vera, roma) == (
        f"{requested} 4 minutes ago → Delivered 12:01:02 UTC 4 minutes ago → Applied 12:05:02 UTC (locked) just now"
    )
    assert "Newest decision: Locked" in page_of(vera, roma)


def test_times_are_in_the_zone_of_the_viewer_and_have_a_date_once_they_are_old(
    vera: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    beat(roma, 1, "ok")
    assert "Applied 14:00:00 CEST (ok) just now" in receipt_on(page_of(vera, roma, "Europe/Berlin"))
    clock.move(hours=13)
    assert "Applied 2026-06-01 12:00:00 UTC (ok) 13 hours ago" in stages(vera, roma)


def test_a_silent_site_is_unknown_since_its_last_heartbeat(vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    beat(roma, 1, "ok")
    SitePulse.objects.update(due_at=clock() + timedelta(hours=2))
    clock.move(minutes=1)
    lock(roma, clock)
    clock.move(hours=3)
    assert stages(vera, roma).endswith(" → Unknown since its last heartbeat at 12:00 UTC 3 hours ago")
    unlock_site(roma.site_id, by=COMMAND, at=clock())  # type: ignore[arg-type]
    assert "Unknown since" in stages(vera, roma)


def test_a_silent_site_that_has_applied_the_decision_is_not_unknown(
    vera: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    beat(roma, 1, "ok")
    clock.move(hours=9)
    assert "Applied" in stages(vera, roma)
    assert "Unknown" not in stages(vera, roma)


@pytest.mark.parametrize(("minutes", "state"), [(9, "pending"), (11, "late")])
def test_what_is_not_applied_in_ten_minutes_is_late(
    vera: Admin, roma: RegisteredSite, clock: Clock, minutes: int, state: str
) -> None:
    beat(roma, 1, "ok")
    lock(roma, clock)
    beat(roma, 1, "ok")
    clock.move(minutes=minutes)
    assert f'<li class="stage-{state}">Not applied yet</li>' in page_of(vera, roma)


def test_a_site_without_an_agent_that_reports_has_the_words_as_before(
    vera: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    roma.call_home(nonce=NONCE)
    lock(roma, clock)
    page = page_of(vera, roma)
    assert receipt_on(page) == ""
    assert "it will be told at its next heartbeat, by" in page


def test_a_deregistered_site_has_no_receipt(vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    beat(roma, 1, "ok")
    deregister_site(roma.site_id, by=COMMAND, at=clock())  # type: ignore[arg-type]
    assert stages(vera, roma) == ""


def test_the_page_asks_more_often_only_while_a_young_decision_is_not_applied(
    vera: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    beat(roma, 1, "ok")
    assert "data-live-seconds" not in page_of(vera, roma)
    lock(roma, clock)
    assert 'data-live-seconds="4"' in page_of(vera, roma)
    clock.move(minutes=6)
    assert "data-live-seconds" not in page_of(vera, roma)


def test_tags_and_notes_are_no_decisions(anna: Admin, roma: RegisteredSite, clock: Clock) -> None:
    beat(roma, 1, "ok")
    browser_of(anna).post(f"{LIST}{roma.site_id}/tags/", {"tags": "pilot"})
    assert "Newest decision: Registered" in page_of(anna, roma)
