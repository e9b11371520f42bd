"""Migrations through the API, with an app whose migrations are slow, fail, and stop half-way."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.databases import prepared_postgresql
from tests.faults.service import children
from tests.running_server import PASSWORD, Client, RunningServer
from tests.test_two_migrations import locked

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]

APP = {"MIGRATE_OVER_HTTP": "true", "DJANGO_SETTINGS_MODULE": "tests.migration_app.settings"}
SLOW, FAILS, HALF_DONE = "trial.0001_slow", "trial.0002_fails", "trial.0003_half_done"


READ_EVENTS = """
from audit.models import Event
print(*Event.objects.filter(subject_type="database").order_by("sequence").values_list("action", flat=True))
"""
MAKE_SUPPORT = f"""
from accounts.models import Admin
Admin.objects.create_user("ben", "ben@vendor.example", "{PASSWORD}", role="support")
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, new_sqlite: Callable[[Path], str], tmp_path: Path
) -> Iterator[RunningServer]:
    """Three migrations of the trial app are pending."""
    if request.param == "sqlite":
        url = new_sqlite(tmp_path)
    else:
        url = prepared_postgresql(request.getfixturevalue("postgres_url"), tmp_path)
    server = RunningServer(url, tmp_path, settings={**APP, "TRIAL_REPAIRED": str(tmp_path / "repaired")})
    server.start()
    yield server
    server.stop()


def pending(client: Client) -> list[str]:
    try:
        state = client.get("/api/migrate").json()
    except requests.ConnectionError:  # the killed processes are being replaced
        return ["unknown"]
    return [f"{one['app']}.{one['name']}" for one in state["pending"]]


def assert_that_only_sysadmins_may(server: RunningServer) -> None:
    assert server.manage("shell", "-c", MAKE_SUPPORT, "--verbosity=0").returncode == 0
    ben, stranger = Client(server), Client(server)
    signed_in = ben.post("/api/auth/login", {"username": "ben", "password": PASSWORD}).json()
    ben.headers["Authorization"] = f"Bearer {signed_in['access']}"
    for client, status in ((ben, 403), (stranger, 401)):
        assert client.get("/api/migrate").status_code == status
        assert client.post(f"/api/migrate/{SLOW}").status_code == status


def test_a_database_is_migrated_step_by_step(server: RunningServer, tmp_path: Path) -> None:
    assert_that_only_sysadmins_may(server)
    client = server.sign_in()
    assert pending(client) == [SLOW, FAILS, HALF_DONE]

    both = [server.sign_in(), server.sign_in()]
    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(lambda each: each.post(f"/api/migrate/{SLOW}"), both))
    by_status = {answer.status_code: answer.json() for answer in answers}
    assert set(by_status) == {200, 409}, "of two at once, one is told that the other runs"
    assert by_status[200] == {"applied": [SLOW], "skipped": []}
    assert by_status[409]["code"] == "migration_running"

    failed = client.post(f"/api/migrate/{FAILS}")
    assert (failed.status_code, failed.json()["code"]) == (500, "migration_failed")
    assert FAILS in failed.json()["detail"]
    assert "there is a row that the constraint refuses" in failed.json()["detail"]
    assert pending(client) == [FAILS, HALF_DONE]

    (tmp_path / "repaired").touch()
    half_done = client.post(f"/api/migrate/{HALF_DONE}")
    assert (half_done.status_code, HALF_DONE in half_done.json()["detail"]) == (500, True)
    assert pending(client) == [HALF_DONE], "the one before it was applied, its table was not left over from the failure"

    assert client.post(f"/api/migrate/{HALF_DONE}").json() == {"applied": [HALF_DONE], "skipped": [SLOW, FAILS]}
    assert client.post(f"/api/migrate/{SLOW}").json() == {"applied": [], "skipped": [SLOW]}
    assert pending(client) == [], "naming an earlier migration undoes no later one"

    listed = client.get("/api/migrate").json()["applied"]
    assert [f"{one['app']}.{one['name']}" for one in listed][-3:] == [SLOW, FAILS, HALF_DONE]
    assert all(one["applied_at"].endswith("Z") for one in listed)
    assert client.post("/api/migrate/trial.0009_missing").json()["code"] == "migration_not_found"

    with locked(server.database_url):
        assert client.post(f"/api/migrate/{SLOW}").json()["code"] == "migration_running"
    events = server.manage("shell", "-c", READ_EVENTS, "--verbosity=0")
    assert events.stdout.split() == ["database.migrated", *["database.migration_failed"] * 2, "database.migrated"]


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def test_a_migration_goes_on_without_the_web_process_that_began_it(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "repaired").touch()
    (tmp_path / "repaired.half").touch()
    client, asker = server.sign_in(), server.sign_in()
    assert server.process is not None
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(asker.post, f"/api/migrate/{HALF_DONE}")
        workers = children(server.process.pid)
        wait_until(lambda: any(children(worker) for worker in workers))
        time.sleep(1)  # it is about to begin, or in the slow one: both must go on
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            asked.result()
    wait_until(lambda: pending(client) == [])
