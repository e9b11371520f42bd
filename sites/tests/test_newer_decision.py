"""After a restore of an old backup an agent may hold a newer decision than the database: new ones go above it."""

import pytest
from rest_framework.test import APIClient

from audit.actors import COMMAND
from audit.models import Event
from conftest import Clock, RegisteredSite
from sites.models import Site, SitePulse
from sites.services import MAX_LOST_REVISIONS, confirm_site, lock_site


def holds(revision: int) -> None:
    SitePulse.objects.update(held_revision=revision)


def test_the_next_change_goes_above_what_the_agent_holds(roma: RegisteredSite, clock: Clock) -> None:
    holds(7)
    assert lock_site(roma.site_id, reason="unpaid", by=COMMAND, at=clock()).revision == 8


def test_an_agent_that_holds_an_older_one_changes_nothing(roma: RegisteredSite, clock: Clock) -> None:
    Site.objects.update(revision=7)
    holds(3)
    assert lock_site(roma.site_id, reason="unpaid", by=COMMAND, at=clock()).revision == 8


@pytest.mark.parametrize(("above", "expected"), [(0, MAX_LOST_REVISIONS + 2), (1, 2)])
def test_an_agent_is_believed_within_bounds(roma: RegisteredSite, clock: Clock, above: int, expected: int) -> None:
    holds(1 + MAX_LOST_REVISIONS + above)
    assert lock_site(roma.site_id, reason="unpaid", by=COMMAND, at=clock()).revision == expected


def test_to_confirm_a_site_changes_its_revision_and_nothing_else(roma: RegisteredSite, clock: Clock) -> None:
    before = Site.objects.values().get()
    holds(7)
    for _ in range(2):
        assert confirm_site(roma.site_id, by=COMMAND, at=clock(), note="Still paid.").revision == 8
    assert Site.objects.values().get() == {
        **before,
        "revision": 8,
        "overruled_revision": 7,
        "updated_at": clock(),
    }
    (event,) = Event.objects.filter(action="site.confirmed")
    assert (event.changes, event.reason) == ({"revision": [1, 8]}, "Still paid.")


def test_the_api_says_so_until_then(api: APIClient, roma: RegisteredSite) -> None:
    for held, newer in ((1, False), (2, True)):
        holds(held)
        assert api.get(roma.path).json()["agent"]["holds_newer_decision"] is newer
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    assert api.get(roma.path).json()["agent"]["holds_newer_decision"] is False
