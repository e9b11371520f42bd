"""A confirmation says when the restaurants are told of the change."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Admin
from conftest import Register, RegisteredSite
from panel.tests.screen import Confirmation
from panel.widgets.times import in_zone_near
from sites.models import SitePulse


def due(site: RegisteredSite, hours: int) -> datetime:
    """As if the next heartbeat of the site was due in so many hours."""
    site.call_home()
    at = timezone.now() + timedelta(hours=hours)
    SitePulse.objects.filter(site=site.site_id).update(due_at=at, last_seen_at=at - timedelta(hours=6))
    return at


def told(admin: Admin, operation: str, *sites: RegisteredSite) -> str:
    return str(Confirmation(admin, operation, sites).answer.context["told"])


def near(at: datetime) -> str:
    return in_zone_near(at, now=timezone.now())


def test_one_restaurant_is_told_at_its_next_heartbeat(anna: Admin, roma: RegisteredSite) -> None:
    assert told(anna, "lock", roma) == "The restaurant is told at its first heartbeat; until then it goes on."
    at = due(roma, 2)
    expected = f"The restaurant is told at its next heartbeat, by {near(at)}; until then it goes on."
    assert told(anna, "lock", roma) == expected
    assert expected in Confirmation(anna, "lock", (roma,)).page
    at = due(roma, -2)
    assert told(anna, "lock", roma) == (
        f"The restaurant is told at its next heartbeat, which was due by {near(at)}; until then it goes on."
    )


def test_a_restaurant_without_service_does_not_go_on(anna: Admin, roma: RegisteredSite, api: Any) -> None:
    due(roma, 2)
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    for operation in ("lock", "unlock", "deactivate"):
        assert told(anna, operation, roma).endswith("; until then nothing changes there.")


def test_many_restaurants_are_counted_and_each_says_when(anna: Admin, register: Register) -> None:
    first, second, overdue, never = (register(name=name) for name in ("First", "Second", "Overdue", "Never"))
    due(first, 1)
    at = due(second, 3)
    due(overdue, -2)
    assert told(anna, "lock", first, second) == (
        f"The restaurants are told at their next heartbeats, the last one by {near(at)}; until then they go on."
    )
    assert told(anna, "lock", first, second, overdue, never) == (
        f"2 of the 4 restaurants are told at their next heartbeats, the last one by {near(at)}."
        " The other 2 are overdue or have never called, and are told when they call. Until then they go on."
    )
    assert told(anna, "lock", first, never).endswith(
        " The other one is overdue or has never called, and is told when it calls. Until then they go on."
    )
    assert told(anna, "lock", overdue, never).startswith("All 2 are overdue or have never called")
    assert told(anna, "extend", first, second).endswith("; until then nothing changes there.")
    previews = Confirmation(anna, "lock", (second, overdue, never)).answer.context["previews"]
    assert [each.words for each in previews] == [
        "Will be locked; told when it calls",
        "Will be locked; told when it calls",
        f"Will be locked; told by {near(at)}",
    ]


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
