"""A backup that is made under load and restored on an empty machine has everything that was acknowledged before it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import empty_postgresql, prepared_postgresql
from tests.recovery import under_load
from tests.running_server import RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=30)]


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.long), "postgresql"])
def server_and_empty_url(
    request: pytest.FixtureRequest, tmp_path: Path, new_sqlite: Callable[[Path], str], postgres_url: str
) -> Iterator[tuple[RunningServer, str]]:
    if request.param == "sqlite":
        (tmp_path / "empty").mkdir()
        url, empty_url = new_sqlite(tmp_path), f"sqlite:///{tmp_path / 'empty' / 'portcullis.sqlite3'}"
    else:
        url, empty_url = prepared_postgresql(postgres_url, tmp_path), empty_postgresql(postgres_url)
    settings = under_load.SETTINGS | {"BACKUP_FOLDER": str(tmp_path / "backups")}
    server = RunningServer(url, tmp_path, settings=settings)
    yield server, empty_url
    if server.process and server.process.poll() is None:
        server.stop()


def test_a_restored_server_knows_every_key_every_lock_and_every_second_factor(
    server_and_empty_url: tuple[RunningServer, str],
) -> None:
    server, empty_url = server_and_empty_url
    outcome = under_load.run(server, empty_url, sites=6, seconds=1)
    assert outcome.lost == []
    assert outcome.heartbeats > 10
    assert outcome.locks > 3
    assert (outcome.file.stat().st_mode & 0o777, outcome.file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
