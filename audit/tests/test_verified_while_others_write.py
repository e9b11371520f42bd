"""`verify_audit` sees the log as of one moment, and keeps nobody from writing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.models import Admin
from audit.actors import SYSTEM, Actor
from audit.erasure import erase_events
from audit.models import Event
from audit.services import Subject, record_event
from audit.tests.test_hashes import verify

SITE = Subject("site", "0b6f", "Trattoria Roma")


@pytest.mark.django_db(transaction=True)
def test_an_erasure_during_it_is_no_finding(anna: Admin) -> None:
    with transaction.atomic():
        record_event("site.locked", subject=SITE, by=SYSTEM, at=timezone.now(), reason="Giulia did not pay")
    queries = 0

    def erase_before_the_second(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal queries
        queries += sql.startswith("SELECT")
        if queries == 2:
            queries += 1
            with ThreadPoolExecutor(1) as pool:
                pool.submit(erase, anna).result(10)
        return execute(sql, *rest)

    with connection.execute_wrapper(erase_before_the_second):
        assert "All 1 events are as they were written." in verify()
    assert "requested by ben, confirmed by anna" in verify()


def erase(anna: Admin) -> None:
    try:
        with transaction.atomic():
            erase_events(
                list(Event.objects.all()),
                action="site.erased",
                subject=SITE,
                by=Actor(Event.Source.ADMIN, anna),
                at=timezone.now(),
                reason="ticket 12",
                changes={"requested_by": (None, "ben")},
            )
    finally:
        connections.close_all()
