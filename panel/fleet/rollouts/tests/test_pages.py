"""The list and the page of roll-outs, and their buttons."""

import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import Admin
from audit.actors import SYSTEM
from audit.models import Event
from fleet.rollouts.models import Rollout
from fleet.rollouts.services import create_rollout, pause_rollout
from fleet.rollouts.tests.estate import Estate
from panel.tests.screen import FormReader, browser_of

pytestmark = pytest.mark.any_database

LIST = "/admin/rollouts/rollout/"


@pytest.fixture
def estate(db: None) -> Estate:
    return Estate()


@pytest.fixture
def draft(estate: Estate) -> Rollout:
    estate.devices(estate.site(), 3)
    return create_rollout(firmware_id=estate.new.pk, name="June", by=SYSTEM, at=estate.at)


def page_of(rollout: Rollout, part: str = "change") -> str:
    return f"{LIST}{rollout.pk}/{part}/"


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def press(browser: Client, rollout: Rollout, part: str, **entries: str) -> Any:
    """Open the page that confirms, and send its form."""
    page = browser.get(page_of(rollout, part))
    hidden = {name: values[0] for name, values in FormReader(page.content.decode()).fields.items()}
    return browser.post(page_of(rollout, part), {"revision": hidden["revision"], **entries}, follow=True)


def test_an_empty_list_says_so(anna: Admin, vera: Admin) -> None:
    assert "No roll-outs yet. <a" in text(browser_of(anna).get(LIST))
    assert "No roll-outs yet.</p>" in text(browser_of(vera).get(LIST))


def test_the_list_shows_state_progress_and_why_it_is_paused(anna: Admin, estate: Estate) -> None:
    site = estate.site()
    estate.devices(site, 2)
    rollout = estate.start()
    estate.tick(minutes=1)
    pause_rollout(rollout.pk, reason="The till prints twice", by=SYSTEM, at=estate.at)
    page = text(browser_of(anna).get(LIST))
    assert "<title>1 in flight, 1 waiting</title>" in page
    assert "The till prints twice" in page
    assert "No roll-outs match" in text(browser_of(anna).get(f"{LIST}?state=finished"))
    assert "June" in text(browser_of(anna).get(f"{LIST}?state=paused"))


def test_a_roll_out_is_started_paused_resumed_rolled_back_and_aborted(anna: Admin, draft: Rollout) -> None:
    browser = browser_of(anna)
    assert "Started: June." in text(press(browser, draft, "start"))
    assert "This field is required" in text(press(browser, draft, "pause"))
    page = text(press(browser, draft, "pause", reason="wait for the chef"))
    assert "Paused: wait for the chef" in page
    assert "Resumed: June." in text(press(browser, draft, "resume"))
    assert "Rolling back: June." in text(press(browser, draft, "roll-back"))
    assert "Aborted: June." in text(press(browser, draft, "abort"))
    assert list(Event.objects.filter(subject_type="rollout").order_by("pk").values_list("action", flat=True)) == [
        f"rollout.{name}" for name in ("created", "started", "paused", "resumed", "rollback_started", "aborted")
    ]
    assert Event.objects.filter(action="rollout.aborted").get().actor_name == "anna"


def test_a_page_that_was_opened_before_another_change_changes_nothing(anna: Admin, draft: Rollout) -> None:
    browser = browser_of(anna)
    press(browser, draft, "start")
    answer = browser.post(page_of(draft, "pause"), {"revision": "1", "reason": "late"}, follow=True)
    assert "changed since you read it. Nothing was changed." in text(answer)
    draft.refresh_from_db()
    assert draft.state == Rollout.State.RUNNING
    assert "This page has expired" in text(browser.post(page_of(draft, "abort"), {}, follow=True))


@pytest.mark.parametrize("part", ["pause", "resume", "roll-back"])
def test_a_button_that_does_not_apply_leads_back(part: str, anna: Admin, draft: Rollout) -> None:
    answer = browser_of(anna).get(page_of(draft, part), follow=True)
    assert "The roll-out is draft. Nothing was changed." in text(answer)


def test_the_buttons_are_those_of_the_state_and_only_for_sysadmins(anna: Admin, vera: Admin, draft: Rollout) -> None:
    def shown(person: Admin) -> list[str]:
        return [button.label for button in browser_of(person).get(page_of(draft)).context["buttons"]]

    assert shown(anna) == ["Start", "Abort"]
    press(browser_of(anna), draft, "start")
    assert shown(anna) == ["Pause", "Roll back", "Abort"]
    assert shown(vera) == []


def test_a_withdrawn_firmware_does_not_start(anna: Admin, estate: Estate, draft: Rollout) -> None:
    type(estate.new).objects.filter(pk=estate.new.pk).update(withdrawn_at=estate.at)
    assert "The firmware was withdrawn. Nothing was changed." in text(press(browser_of(anna), draft, "start"))


def test_the_page_shows_waves_devices_with_reasons_and_what_comes_next(anna: Admin, estate: Estate) -> None:
    site = estate.site("Osteria")
    estate.devices(site, 2)
    rollout = estate.start()
    browser = browser_of(anna)
    assert "No devices yet" in text(browser.get(page_of(rollout)))
    estate.tick(minutes=1)
    page = text(browser.get(page_of(rollout)))
    assert "1 device is being updated, judged by" in page
    assert "Gate: at least 90 % succeed, at most 0 failures" in page
    estate.tick(hours=2)
    answer = browser.get(f"{page_of(rollout)}?state=failed")
    assert [row.row.reason for row in answer.context["devices"].rows] == ["It is offline after it was offered 2.0.0."]
    assert "Paused: 1 failed in the wave “100 %”; at most 0 may." in text(answer)
    assert "until the roll-out is resumed" in text(answer)
    assert [(tab.label, tab.number) for tab in answer.context["devices"].tabs] == [("Failed", 1), ("Waiting", 1)]


def test_devices_that_wait_are_told_when_the_next_window_opens(anna: Admin, estate: Estate) -> None:
    estate.move(hours=12)  # in the afternoon
    estate.devices(estate.site(), 2)
    rollout = estate.start()
    estate.tick(minutes=1)
    page = text(browser_of(anna).get(page_of(rollout)))
    assert "2 devices waiting: " in page
    assert "window" in page


def test_an_unknown_roll_out_is_a_page_of_status_404(anna: Admin, draft: Rollout) -> None:
    assert browser_of(anna).get(f"{LIST}{uuid.UUID(int=7)}/change/").status_code == 404


# Session and admin; the mark in the header; the roll-out; its waves; its devices by wave and state; the counts of the wave,
# and when the last one is judged; the devices of a state, and how many; events.
QUERIES = 11


@pytest.mark.parametrize("number", [2, 40])
def test_the_page_takes_the_same_number_of_statements_for_any_number_of_devices(
    number: int, anna: Admin, estate: Estate, django_assert_num_queries: Any
) -> None:
    for each in range(number):
        estate.devices(estate.site(f"Site {each}"), 2)
    rollout = estate.start()
    estate.tick(minutes=1)
    browser = browser_of(anna)
    with django_assert_num_queries(QUERIES):
        browser.get(page_of(rollout))


@pytest.mark.parametrize("number", [1, 20])
def test_the_list_takes_the_same_number_of_statements_for_any_number_of_roll_outs(
    number: int, anna: Admin, estate: Estate, django_assert_num_queries: Any
) -> None:
    for each in range(number):
        create_rollout(firmware_id=estate.new.pk, name=f"June {each}", by=SYSTEM, at=estate.at)
    browser = browser_of(anna)
    with django_assert_num_queries(6):
        browser.get(LIST)
