"""Several who undo at the same moment, and one who changes a site while it is undone, on real PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Admin
from accounts.roles import Role
from audit.actors import COMMAND
from audit.models import Event
from conftest import PASSWORD, Register
from panel.sites.results.tests.operated import Operated, operate, three
from panel.tests.screen import stored
from sites.services import lock_site
from sites.tests.test_saved_view_races import wait_until_somebody_waits

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def carla(db: None) -> Admin:
    return Admin.objects.create_user("carla", "carla@vendor.example", PASSWORD, role=Role.SYSADMIN)


def in_threads(calls: list[Callable[[], Any]]) -> list[threading.Thread]:
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> None:
        try:
            barrier.wait(10)
            call()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def undo_events() -> Counter[str]:
    """How many there are of each site."""
    return Counter(Event.objects.filter(reason__startswith="Undo of").values_list("subject_name", flat=True))


def test_of_many_at_once_one_undoes(anna: Admin, carla: Admin, register: Register) -> None:
    sites = three(register)
    result = operate(anna, "lock", sites)
    windows = [result.seen_by(person) for person in (anna, carla) * 4]
    for thread in in_threads([window.undo for window in windows]):
        thread.join(30)
    assert undo_events() == {"Site 0": 1, "Site 1": 1, "Site 2": 1}
    assert [stored(site).revision for site in sites] == [3] * 3
    pages = {window.answer.context["undo"]["by"] for window in windows}
    assert len(pages) == 1, "everybody sees who did it"
    assert "Undone for 3 of 3 sites" in windows[0].text


def test_a_lock_that_is_made_while_the_undo_waits_for_its_site_stays(anna: Admin, register: Register) -> None:
    sites = three(register)
    result: Operated = operate(anna, "lock", sites)
    with transaction.atomic():
        lock_site(sites[1].site_id, reason="fraud", by=COMMAND, at=timezone.now())  # type: ignore[arg-type]
        [thread] = in_threads([result.undo])
        wait_until_somebody_waits()
    thread.join(30)
    assert [stored(site).lock_reason for site in sites] == [None, "fraud", None]
    assert undo_events() == {"Site 0": 1, "Site 2": 1}
    assert result.rows["Site 1"].startswith("Changed since by A command at ")
