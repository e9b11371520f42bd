"""Running servers and a browser for the tests of this folder, one of each kind for all tests of a process.

Tests share a server's database: a test gives its sites names and addresses of their own and searches for those.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.databases import prepared_postgresql, prepared_sqlite
from tests.running_server import RunningServer


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A throwaway PostgreSQL, which `scripts/with_services.py` starts."""
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.fail("TEST_POSTGRES_URL is not set: run the tests by `make test`, or under scripts/with_services.py.")
    return url


@pytest.fixture(scope="session")
def new_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """The URL of a new, prepared SQLite file in a folder."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all processes of this run
    return lambda folder: prepared_sqlite(shared, folder)


@contextmanager
def started(server: RunningServer) -> Iterator[RunningServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_server(
    tmp_path_factory: pytest.TempPathFactory, new_sqlite: Callable[[Path], str]
) -> Iterator[RunningServer]:
    """The product as shipped on SQLite, without Redis."""
    folder = tmp_path_factory.mktemp("sqlite")
    with started(RunningServer(new_sqlite(folder), folder)) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[RunningServer]:
    """The product as shipped on PostgreSQL, with Redis."""
    folder = tmp_path_factory.mktemp("postgresql")
    url = prepared_postgresql(postgres_url, folder)
    with started(RunningServer(url, folder, redis_url=os.environ["TEST_REDIS_URL"])) as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> RunningServer:
    """The product as shipped, on each database."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(scope="session")
def race_server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[RunningServer]:
    """On PostgreSQL, which locks single rows; a site may call as often as the test likes.

    On a busy machine the last of many writers waits longer than usual for the row, and must get it all the same.
    """
    folder = tmp_path_factory.mktemp("race")
    url = prepared_postgresql(postgres_url, folder)
    settings = {"HEARTBEATS_PER_MINUTE": "1000", "DATABASE_STATEMENT_TIMEOUT_MS": "12000"}
    with started(RunningServer(url, folder, settings=settings)) as server:
        yield server


@pytest.fixture(scope="session")
def shared_browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def browser(shared_browser: Browser) -> Iterator[Browser]:
    """Chromium; the windows that a test opens in it are closed after the test."""
    yield shared_browser
    for context in shared_browser.contexts:
        context.close()
