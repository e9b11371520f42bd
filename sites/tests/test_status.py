"""Never seen, online, late, offline: to the microsecond."""

from datetime import timedelta

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from conftest import Clock, RegisteredSite
from sites.models import SitePulse
from sites.tests.conftest import TICK

GRACE = settings.HEARTBEAT_GRACE


@pytest.mark.parametrize(
    ("after_due", "status"),
    [
        (timedelta(0), "online"),
        (TICK, "late"),
        (GRACE, "late"),
        (GRACE + TICK, "offline"),
        (timedelta(days=3650), "offline"),
    ],
)
def test_a_site_is_online_until_due_and_late_until_the_grace_ends(
    api: APIClient, roma: RegisteredSite, clock: Clock, after_due: timedelta, status: str
) -> None:
    told = roma.call_home().json()
    clock.at += timedelta(seconds=told["next_heartbeat_seconds"]) + after_due
    assert api.get(roma.path).json()["status"] == status
    for wanted in ("never_seen", "online", "late", "offline"):
        listed = api.get("/api/sites", {"status": wanted}).json()["results"]
        assert [site["status"] for site in listed] == ([status] if wanted == status else [])


def test_a_site_that_never_called_is_never_seen_for_ever(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    clock.move(days=3650)
    assert api.get(roma.path).json()["status"] == "never_seen"
    assert api.get("/api/sites", {"status": "never_seen"}).json()["count"] == 1


def test_a_call_brings_a_site_back_online(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    roma.call_home()
    clock.move(days=1)
    assert api.get(roma.path).json()["status"] == "offline"
    roma.call_home()
    assert api.get(roma.path).json()["status"] == "online"


def test_a_fraction_of_a_second_in_due_at_counts(api: APIClient, roma: RegisteredSite, clock: Clock) -> None:
    roma.call_home()
    SitePulse.objects.update(due_at=clock.at + timedelta(microseconds=500_000))
    clock.move(microseconds=500_000)
    assert api.get(roma.path).json()["status"] == "online"
    clock.move(microseconds=1)
    assert api.get(roma.path).json()["status"] == "late"


@pytest.mark.parametrize(("before_end", "licensed"), [(TICK, True), (timedelta(0), False), (-TICK, False)])
def test_a_licence_ends_at_its_end(
    api: APIClient, roma: RegisteredSite, clock: Clock, before_end: timedelta, licensed: bool
) -> None:
    api.patch(roma.path, {"license_expires_at": "2026-07-01T00:00:00.5Z"})
    clock.at = clock.at.replace(month=7, day=1, hour=0, microsecond=500_000) - before_end
    assert api.get(roma.path).json()["licensed"] is licensed
    assert roma.call_home().json()["licensed"] is licensed
    assert api.get("/api/sites", {"licensed": str(licensed).lower()}).json()["count"] == 1
    assert api.get("/api/sites", {"licensed": str(not licensed).lower()}).json()["count"] == 0
