"""A confirmation says when the restaurants are told of the change, and promises nothing else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.tests.screen import Confirmation
from panel.widgets.times import in_zone, in_zone_near
from sites.models import Site, SitePulse


def due(site: RegisteredSite, hours: int, **pulse: Any) -> datetime:
    """As if the next heartbeat of the site was due in so many hours."""
    site.call_home()
    at = timezone.now() + timedelta(hours=hours)
    SitePulse.objects.filter(site=site.site_id).update(due_at=at, last_seen_at=at - timedelta(hours=6), **pulse)
    return at


def told(admin: Admin, operation: str, *sites: RegisteredSite) -> str:
    return str(Confirmation(admin, operation, sites).answer.context["told"])


def near(at: datetime) -> str:
    return in_zone_near(at, now=timezone.now())


def test_one_restaurant_is_told_at_its_next_heartbeat(anna: Admin, roma: RegisteredSite) -> None:
    assert told(anna, "lock", roma) == "The restaurant is told at its first heartbeat."
    at = due(roma, 2)
    expected = f"The restaurant is told at its next heartbeat, by {near(at)}; until then it keeps working."
    assert told(anna, "lock", roma) == expected
    assert expected in Confirmation(anna, "lock", (roma,)).page
    assert told(anna, "extend", roma) == f"The restaurant is told at its next heartbeat, by {near(at)}."


def test_an_overdue_restaurant_is_told_when_it_calls(anna: Admin, roma: RegisteredSite) -> None:
    due(roma, -2)
    assert told(anna, "lock", roma) == "The restaurant is told at its next heartbeat, which is overdue."


@pytest.mark.parametrize(
    ("last_answer", "site"),
    [
        ({"reply_locked": True}, {}),
        ({"reply_licensed": False}, {}),
        ({}, {"license_expires_at": timezone.now() + timedelta(hours=1)}),
    ],
    ids=["was told that it is locked", "was told that it has no licence", "the licence ends before the heartbeat"],
)
def test_a_restaurant_that_its_last_answer_stops_does_not_keep_working(
    last_answer: dict[str, bool], site: dict[str, datetime], anna: Admin, roma: RegisteredSite
) -> None:
    """Whatever has been decided since: until its next heartbeat it does not know."""
    at = due(roma, 2, **last_answer)
    Site.objects.update(**site, name="Trattoria Roma")
    assert told(anna, "deactivate", roma) == f"The restaurant is told at its next heartbeat, by {near(at)}."


def test_a_lock_that_was_not_told_yet_does_not_stop_a_restaurant(anna: Admin, roma: RegisteredSite, api: Any) -> None:
    due(roma, 2)
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    assert told(anna, "deactivate", roma).endswith("; until then it keeps working.")


def test_each_of_many_restaurants_says_when_it_is_told(anna: Admin, register: Register) -> None:
    soon, overdue, never = (register(name=name) for name in ("Soon", "Overdue", "Never"))
    at = due(soon, 3)
    due(overdue, -2)
    confirmation = Confirmation(anna, "lock", (soon, overdue, never))
    assert "The restaurants are told at their next heartbeats; each row says when." in confirmation.page
    for words in ("first heartbeat", "next heartbeat, which is overdue", f"next heartbeat, by {near(at)}"):
        assert f"Will be locked; told at its {words}</span>" in confirmation.page


def test_a_deregistered_restaurant_is_not_told(anna: Admin, roma: RegisteredSite) -> None:
    """Its calls are refused like those with a wrong key, and it keeps its last answer."""
    due(roma, 2)
    confirmation = Confirmation(anna, "deregister", (roma,))
    assert confirmation.answer.context["told"] == ""
    assert "the restaurant is not told why" in confirmation.page
    assert confirmation.expected_results["Trattoria Roma"][1] == "Will be deregistered; it has no lease"


@pytest.mark.parametrize(("days", "verb"), [(29, "ends"), (-1, "ended")])
def test_a_deregistration_names_the_end_of_the_last_lease(
    days: int, verb: str, anna: Admin, roma: RegisteredSite
) -> None:
    ends = timezone.now() + timedelta(days=days)
    due(roma, 2, lease_expires_at=ends)
    words = Confirmation(anna, "deregister", (roma,)).expected_results["Trattoria Roma"][1]
    assert words == f"Will be deregistered; its last lease {verb} {in_zone(ends)}"


@pytest.mark.parametrize("hours", [2, -900])
def test_a_restored_restaurant_is_told_at_its_next_heartbeat(
    hours: int, anna: Admin, roma: RegisteredSite, api: Any
) -> None:
    """When that was due before the deregistration says nothing about it."""
    due(roma, hours)
    api.delete(roma.path)
    assert told(anna, "restore", roma) == "The restaurant is told at its next heartbeat."


@pytest.mark.parametrize("operation", ["unlock", "dismiss_clone"])
def test_nothing_is_said_if_nothing_reaches_the_restaurant(operation: str, anna: Admin, roma: RegisteredSite) -> None:
    due(roma, 2)
    SitePulse.objects.update(clone_suspected_at=timezone.now())
    assert told(anna, operation, roma) == ""


def test_a_count_of_zero_has_no_colour(anna: Admin, register: Register) -> None:
    sites = (register(name="One"), register(name="Two"))
    counts = Confirmation(anna, "lock", sites).answer.context["state_counts"]
    assert [count for count in counts if "0 locked already" in count] == [
        '<span class="state state-none"><span aria-hidden="true">◆</span> 0 locked already</span>'
    ]
