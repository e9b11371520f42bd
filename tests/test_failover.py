"""The primary of PostgreSQL is lost, a replica is promoted by hand, and the processes go on by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.failover import FailOver, running_failover

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def failover(tmp_path: Path, postgres_url: str) -> Iterator[FailOver]:
    with running_failover(tmp_path, postgres_url) as started:
        yield started


def test_no_acknowledged_change_is_lost_when_the_primary_is_killed(failover: FailOver) -> None:
    failover.wait_for_the_replica()
    with failover.load() as load:
        load.until_acknowledged(60)
        failover.kill_primary()
        load.until_refused(5)
        failover.promote()
        load.until_acknowledged(60)
    assert failover.lost(load) == []
    assert set(load.refusals) == {503}
    assert load.slowest_seconds < 5
