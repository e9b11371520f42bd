"""The page of a site's maintenance window."""

import uuid
from datetime import time

import pytest
from django.utils import timezone

from accounts.models import Admin
from audit.actors import SYSTEM
from audit.models import Event
from conftest import RegisteredSite
from fleet.rollouts.services import set_maintenance_window, windows_of
from fleet.rollouts.windows import Window
from panel.tests.screen import browser_of

pytestmark = pytest.mark.any_database


def page_of(site: RegisteredSite) -> str:
    return f"/admin/rollouts/rollout/window/{site.site_id}/"


def send(anna: Admin, site: RegisteredSite, start: str, end: str, seen: str = "03:00–06:00") -> str:
    answer = browser_of(anna).post(page_of(site), {"start": start, "end": end, "seen": seen}, follow=True)
    return " ".join(answer.content.decode().split())


def stored(site: RegisteredSite) -> str:
    return str(windows_of([uuid.UUID(site.site_id)])[uuid.UUID(site.site_id)])


def test_the_window_is_changed_and_the_history_says_by_whom(anna: Admin, roma: RegisteredSite) -> None:
    assert "Now 03:00–06:00, which is usual." in browser_of(anna).get(page_of(roma)).content.decode()
    assert "Maintenance window: 22:00–04:00" in send(anna, roma, "22:00", "04:00")
    assert stored(roma) == "22:00–04:00"
    event = Event.objects.get(action="site.maintenance_window_changed")
    assert (event.actor_name, event.changes["maintenance_window"]) == ("anna", ["03:00–06:00", "22:00–04:00"])
    assert "Now 22:00–04:00; usual is 03:00–06:00." in browser_of(anna).get(page_of(roma)).content.decode()


@pytest.mark.parametrize(("start", "end"), [("03:00", "03:30"), ("03:00", "03:00")])
def test_a_window_that_is_too_short_is_refused_beside_its_field(
    start: str, end: str, anna: Admin, roma: RegisteredSite
) -> None:
    assert "Must be at least an hour and less than a day long." in send(anna, roma, start, end)
    assert stored(roma) == "03:00–06:00"


def test_what_is_no_time_is_refused(anna: Admin, roma: RegisteredSite) -> None:
    assert "Enter a valid time." in send(anna, roma, "night", "06:00")


def test_a_form_that_was_opened_before_another_change_saves_nothing_at_first(anna: Admin, roma: RegisteredSite) -> None:
    set_maintenance_window(uuid.UUID(roma.site_id), Window(time(1), time(2)), by=SYSTEM, at=timezone.now())
    page = send(anna, roma, "22:00", "04:00")
    assert "was changed while you had the page open" in page
    assert "Now 01:00–02:00" in page
    assert stored(roma) == "01:00–02:00"
    assert "Maintenance window: 22:00–04:00" in send(anna, roma, "22:00", "04:00", seen="01:00–02:00")


def test_the_page_of_a_site_links_to_it_for_sysadmins(anna: Admin, ben: Admin, roma: RegisteredSite) -> None:
    site = f"/admin/sites/site/{roma.site_id}/change/"
    assert page_of(roma) in browser_of(anna).get(site).content.decode()
    assert page_of(roma) not in browser_of(ben).get(site).content.decode()
