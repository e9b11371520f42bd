"""Running servers for the tests of this folder."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.running_server import RunningServer


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A throwaway PostgreSQL, which `scripts/with_services.py` starts."""
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.fail("TEST_POSTGRES_URL is not set: run the tests by `make test`, or under scripts/with_services.py.")
    return url


def new_database(postgres_url: str) -> str:
    name = f"e2e_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
    return postgres_url.rpartition("/")[0] + "/" + name


@pytest.fixture(
    scope="module",
    params=["sqlite", "postgresql"],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[RunningServer]:
    """The product as shipped, on each database; with Redis beside PostgreSQL, without beside SQLite."""
    folder: Path = tmp_path_factory.mktemp("server")
    if request.param == "sqlite":
        running = RunningServer(f"sqlite:///{folder / 'portcullis.sqlite3'}", folder)
    else:
        running = RunningServer(new_database(postgres_url), folder, redis_url=os.environ["TEST_REDIS_URL"])
    running.set_up()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def race_server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[RunningServer]:
    """On PostgreSQL alone, where locks are a row's; a site may call as often as the test likes."""
    folder: Path = tmp_path_factory.mktemp("race")
    running = RunningServer(new_database(postgres_url), folder, settings={"HEARTBEATS_PER_MINUTE": "1000"})
    running.set_up()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running
