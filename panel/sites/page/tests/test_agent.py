"""What the page of a site says about its agent: the leases, the lock that it knows, a newer decision, a suspected clone."""

import re
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Admin
from audit.actors import COMMAND
from conftest import Clock, RegisteredSite
from heartbeat.tests.agents import SimulatedAgent
from licensing.services import create_signing_key
from panel.dashboard.tests.test_dashboard import text
from panel.tests.screen import Confirmation, browser_of, stored
from sites.models import SitePulse
from sites.services import MAX_LOST_REVISIONS, lock_site, unlock_site

pytestmark = pytest.mark.any_database

CONFIRM = "Confirm present state"


@pytest.fixture(autouse=True)
def _signing_key(db: None, clock: Clock) -> None:
    create_signing_key(by=COMMAND, at=clock())


def html_of(admin: Admin, site: RegisteredSite) -> str:
    return browser_of(admin).get(f"/admin/sites/site/{site.site_id}/change/").content.decode()


def plain(html: str) -> str:
    return text(html).replace("\xa0", " ").replace(" .", ".").replace(" ,", ",")


def section(html: str, heading: str) -> str:
    """The text of a section, by the id of its heading; empty if the page does not have it."""
    found = re.search(rf'<section[^>]* aria-labelledby="{heading}">(.+?)</section>', html, re.DOTALL)
    return plain(found[1]) if found else ""


def notices(html: str) -> str:
    return section(html, "notice-1")


def lock(site: RegisteredSite, clock: Clock) -> None:
    lock_site(site.site_id, reason="unpaid", by=COMMAND, at=clock())


@pytest.mark.any_database
def test_an_old_client_has_not_asked_for_leases(vera: Admin, roma: RegisteredSite) -> None:
    roma.call_home()
    assert section(html_of(vera, roma), "agent-heading").endswith("This site has not asked for leases.")


def test_the_newest_lease_is_shown_with_its_end_and_revision(vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    agent = SimulatedAgent(roma)
    agent.send({**agent.next_body(), "lease_revision": 1})
    lock(roma, clock)
    shown = section(html_of(vera, roma), "agent-heading")
    assert "Newest lease ends 2026-07-01 12:00 UTC, in 30 days" in shown
    assert "Revision of the lease 1; the present one is 2" in shown
    assert "Revision that the site reports 1; the present one is 2" in shown
    assert "Show its installations" in shown
    clock.move(days=31)
    assert "Newest lease ended 2026-07-01 12:00 UTC, 1 day ago" in section(html_of(vera, roma), "agent-heading")


def test_a_lock_is_known_from_the_first_heartbeat_after_it(vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    agent = SimulatedAgent(roma)
    agent.beat()
    clock.move(hours=1)
    lock(roma, clock)
    before = html_of(vera, roma)
    assert "has not been told yet that it is locked" in before
    assert "Lock known" not in before
    clock.move(hours=1)
    agent.beat()
    clock.move(hours=1)
    agent.beat()
    after = html_of(vera, roma)
    assert "Lock known at the site since 2026-06-01 14:00 UTC" in section(after, "agent-heading")
    assert "The site has known of the lock since 14:00 UTC." in plain(after)
    unlock_site(roma.site_id, by=COMMAND, at=clock())
    assert "known of the lock" not in html_of(vera, roma)


def test_a_newer_decision_is_explained_until_any_change(
    anna: Admin, ben: Admin, vera: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    SitePulse.objects.update(held_revision=7)
    for admin in (anna, ben, vera):
        html = html_of(admin, roma)
        assert notices(html).startswith(
            "This site knows a newer decision It reports revision 7, which was never sent from here; the newest is 1."
        )
        assert (CONFIRM in html) is (admin is not vera)
    lock(roma, clock)
    assert notices(html_of(anna, roma)) == ""


def test_to_confirm_the_present_state_makes_the_notice_disappear(anna: Admin, roma: RegisteredSite) -> None:
    SitePulse.objects.update(held_revision=7)
    confirmation = Confirmation(anna, "confirm", (roma,))
    assert confirmation.expected_results["Trattoria Roma"] == (
        "will_change",
        "Will hold as it is here: not locked, licensed",
    )
    confirmation.send(note="as it should be")
    assert "Trattoria Roma: Present state confirmed;" in confirmation.messages
    assert stored(roma).revision == 8
    assert notices(confirmation.page) == ""
    confirmation.send(note="as it should be")
    assert stored(roma).revision == 8


def test_a_state_that_changed_since_the_page_was_opened_is_not_confirmed(
    anna: Admin, roma: RegisteredSite, clock: Clock
) -> None:
    SitePulse.objects.update(held_revision=7)
    confirmation = Confirmation(anna, "confirm", (roma,))
    lock(roma, clock)
    SitePulse.objects.update(held_revision=20)
    confirmation.send()
    assert "Refused: Trattoria Roma was not confirmed." in confirmation.messages
    assert stored(roma).revision == 8


@pytest.mark.any_database
def test_an_impossible_revision_can_not_be_confirmed(anna: Admin, roma: RegisteredSite) -> None:
    SitePulse.objects.update(held_revision=2 + MAX_LOST_REVISIONS)
    html = html_of(anna, roma)
    assert notices(html).startswith("This site reports an impossible revision")
    assert CONFIRM not in html
    confirmation = Confirmation(anna, "confirm", (roma,))
    assert confirmation.expected_results["Trattoria Roma"][0] == "unchanged"
    confirmation.send()
    assert stored(roma).revision == 1


@pytest.mark.any_database
def test_a_suspected_clone_has_a_badge_and_leads_to_its_page(vera: Admin, roma: RegisteredSite, clock: Clock) -> None:
    roma.call_home()
    assert "clone suspected" not in html_of(vera, roma)
    SitePulse.objects.update(clone_suspected_at=clock() - timedelta(minutes=5))
    html = html_of(vera, roma)
    assert "clone suspected" in html
    assert notices(html).startswith(
        "Clone suspected Two installations seem to use this site’s key, noticed at 11:55 UTC."
    )
    assert f'href="/admin/sites/site/{roma.site_id}/clones/"' in html


@pytest.mark.any_database
def test_a_deregistered_site_has_no_notice(anna: Admin, api: Any, roma: RegisteredSite, clock: Clock) -> None:
    SitePulse.objects.update(clone_suspected_at=clock(), held_revision=7)
    api.delete(roma.path)
    html = html_of(anna, roma)
    assert notices(html) == ""
    assert "clone suspected" not in html
    assert "/clones/" not in html
