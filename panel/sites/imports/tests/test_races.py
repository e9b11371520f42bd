"""Two imports at once, and an import at the same time as other changes: no acknowledged change is lost."""

import threading
import time
from typing import Any

import pytest
from django.db import connections, transaction
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.tests.side_by_side import side_by_side
from audit.models import Event
from conftest import Register, RegisteredSite, SignIn
from panel.sites.imports.tests.importing import NEW, apply, lines, upload
from panel.tests.screen import browser_of
from sites.models import Site, SiteImport

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

SITES = 30


@pytest.fixture
def otto(transactional_db: None) -> Admin:
    return Admin.objects.create_user("otto", "otto@vendor.example", "correct horse battery", role="sysadmin")


def prepared(admin: Admin, sites: list[RegisteredSite], owner: str) -> SiteImport:
    rows = [f"{site.site_id},,{owner}," for site in sites]
    upload(browser_of(admin), lines("site_id," + NEW, *rows, f",New of {owner},B,c@d.example"), name=f"{owner}.csv")
    return SiteImport.objects.get(admin=admin, applied_at=None)


OUTCOMES = {
    "applied": "Save the keys now",
    "overtaken": "Nothing was written. Changed since the preview",
    "too late": "This file was applied already",
}


def outcome(answer: Any) -> str:
    """Read from the HTML: the test client's `context` mixes the pages that different threads render."""
    page = answer.content.decode()
    [found] = [name for name, words in OUTCOMES.items() if words in page]
    return found


def test_of_two_imports_of_the_same_sites_one_is_applied_and_the_other_refused(
    transactional_db: None, anna: Admin, otto: Admin, register: Register
) -> None:
    for round_ in range(4):
        sites = [register(name=f"Site {round_} {number}") for number in range(SITES)]
        mine = prepared(anna, sites, f"Anna {round_}")
        theirs = prepared(otto, sites[::-1], f"Otto {round_}")
        before = Event.objects.count()
        answers = side_by_side(
            lambda mine=mine: apply(browser_of(anna), mine), lambda theirs=theirs: apply(browser_of(otto), theirs)
        )
        assert sorted(map(outcome, answers)) == ["applied", "overtaken"]
        owners = set(Site.objects.filter(pk__in=[site.site_id for site in sites]).values_list("owner_name", "revision"))
        [(winner, revision)] = owners
        assert revision == 2
        assert Event.objects.count() == before + SITES + 1
        assert Site.objects.filter(name__startswith="New of").count() == round_ + 1
        assert Site.objects.filter(name=f"New of {winner}").exists()
        SiteImport.objects.filter(applied_at=None).delete()


def test_a_double_click_applies_once(transactional_db: None, anna: Admin, register: Register) -> None:
    started = prepared(anna, [register(name=f"Site {number}") for number in range(SITES)], "Double")
    answers = side_by_side(*[lambda: apply(browser_of(anna), started)] * 4)
    assert sorted(map(outcome, answers)) == ["applied", "too late", "too late", "too late"]
    assert Site.objects.filter(name="New of Double").count() == 1
    assert Event.objects.filter(action="site.updated").count() == SITES


def test_a_lock_at_the_same_moment_is_never_lost(
    transactional_db: None, anna: Admin, ben: Admin, register: Register, signed_in: SignIn
) -> None:
    seen = set()
    for round_ in range(6):
        sites = [register(name=f"Site {round_} {number}") for number in range(SITES)]
        started = prepared(anna, sites, f"Anna {round_}")
        target = sites[round_ * 5 % SITES]

        def lock(target: RegisteredSite = target, pause: float = round_ * 0.01) -> Any:
            time.sleep(pause)
            return signed_in(ben).post(f"{target.path}/lock", {"reason": "unpaid"})

        side_by_side(lambda started=started: apply(browser_of(anna), started), lock)
        site = Site.objects.get(pk=target.site_id)
        assert (site.is_locked, site.lock_reason) == (True, "unpaid")
        imported = Site.objects.filter(pk__in=[each.site_id for each in sites], owner_name=f"Anna {round_}").count()
        assert imported in (0, SITES), "all or nothing"
        seen.add(imported)
        SiteImport.objects.filter(applied_at=None).delete()
    assert seen <= {0, SITES}


def test_an_import_waits_for_a_running_lock_and_is_refused(
    transactional_db: None, anna: Admin, api: APIClient, register: Register
) -> None:
    sites = [register(name=f"Site {number}") for number in range(3)]
    started = prepared(anna, sites, "Anna")
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                assert api.post(f"{sites[2].path}/lock", {"reason": "unpaid"}).status_code == 200
                held.set()
                go.wait(10)
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    threading.Timer(0.5, go.set).start()
    answer = apply(browser_of(anna), started)
    holder.join()
    assert "Nothing was written. Changed since the preview: Site 2 (line 4)." in answer.content.decode()
    assert set(Site.objects.values_list("owner_name", flat=True)) == {"Giulia"}
    assert Site.objects.get(pk=sites[2].site_id).is_locked


def test_heartbeats_go_on_while_a_large_import_is_applied(
    transactional_db: None, anna: Admin, register: Register
) -> None:
    sites = [register(name=f"Site {number}") for number in range(SITES)]
    started = prepared(anna, sites, "Anna")
    answers = side_by_side(
        lambda: apply(browser_of(anna), started), *(lambda site=site: site.call_home() for site in sites[:4])
    )
    assert {answer.status_code for answer in answers} == {200}
    assert Site.objects.filter(owner_name="Anna", pulse__version="1.0.0").count() == 4
