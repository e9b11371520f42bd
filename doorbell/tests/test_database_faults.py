"""Whatever the database does, a request is answered in time, and the process goes on."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from django.db import InternalError, OperationalError, ProgrammingError, connection, connections

from conftest import RegisteredSite
from doorbell import application
from doorbell.application import Doorbell
from doorbell.changes import ChangeFeed
from doorbell.errors import ChangesUnknown
from doorbell.lookups import Caller, DatabaseThread
from doorbell.waits import Wait, Waits
from sites.models import Site

CALLER = Caller(uuid.UUID(int=1), ("0" * 64,))


def raising(error: Exception) -> Callable[[], None]:
    def ask() -> None:
        raise error

    return ask


@pytest.mark.parametrize("error", [OperationalError("away"), ProgrammingError("no table"), InternalError("read only")])
def test_each_error_of_the_database_is_an_unknown_answer(error: Exception, caplog: Any) -> None:
    async def ask_twice_and_then_well() -> None:
        thread = DatabaseThread("a test")
        for _ in range(2):
            with pytest.raises(ChangesUnknown):
                await thread.run(raising(error))
        assert await thread.run(lambda: 5) == 5

    caplog.set_level("INFO", logger="portcullis.doorbell")
    asyncio.run(ask_twice_and_then_well())
    assert [record.levelname for record in caplog.records if record.name == "portcullis.doorbell"] == [
        "WARNING",
        "INFO",
    ]


def test_requests_behind_a_question_that_hangs_are_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "LONGEST_CHECK_SECONDS", 0.3)
    released = threading.Event()

    async def ask() -> float:
        doorbell = Doorbell()
        hanging = asyncio.create_task(doorbell.credentials._thread.run(lambda: released.wait(20)))
        await asyncio.sleep(0)
        began = time.monotonic()
        answers = await asyncio.gather(
            *(doorbell.checked_revision(CALLER, "192.0.2.1") for _ in range(50)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {ChangesUnknown}
        assert doorbell.credentials._task is not None
        doorbell.credentials._task.cancel()
        released.set()
        await hanging
        return time.monotonic() - began

    assert asyncio.run(ask()) < 5


def closing(work: Coroutine[Any, Any, None], thread: DatabaseThread) -> None:
    """Run it, then close the connection of the thread: the test's database is dropped later."""

    async def both() -> None:
        try:
            await work
        finally:
            await thread.run(lambda: connections.close_all())

    asyncio.run(both())


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no notifications")
def test_a_change_from_before_it_listens_is_found_when_it_listens(transactional_db: None, register: Any) -> None:
    site: RegisteredSite = register()
    Site.objects.update(revision=2)
    waits = Waits()
    feed = ChangeFeed(waits)
    wait = Wait(uuid.UUID(site.site_id), 1, "192.0.2.1")
    waits.open(wait)

    async def listen() -> None:
        listening = asyncio.create_task(feed._listen_once())
        for _ in range(100):
            await asyncio.sleep(0.05)
            if wait.is_over:
                break
        assert not feed.notifications_arrive  # no probe was sent: it did not have to ask for that
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    closing(listen(), feed._thread)
    assert wait.revision == 2
