"""Which requests nginx sends to a second server: never one that may have changed something."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.with_services import free_port
from tests.nginx import NginxInFront
from tests.upstream import Upstream

pytestmark = pytest.mark.e2e


@pytest.fixture
def first() -> Iterator[Upstream]:
    with Upstream(breaks=True) as upstream:
        yield upstream


@pytest.fixture
def second() -> Iterator[Upstream]:
    with Upstream(breaks=True) as upstream:
        yield upstream


def test_a_get_whose_connection_broke_is_sent_to_the_other_server(
    first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    with NginxInFront([first.port, second.port], tmp_path) as nginx:
        assert nginx.client().get("/api/sites").status_code == 502
    assert len(first.received) == len(second.received) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_an_unsafe_request_that_was_sent_is_not_sent_again(
    first: Upstream, second: Upstream, tmp_path: Path, method: str
) -> None:
    with NginxInFront([first.port, second.port], tmp_path) as nginx:
        answer = nginx.client().send(method, "/api/sites", {"name": "Trattoria Roma"})
    assert answer.status_code == 502
    assert len(first.received) + len(second.received) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_request_is_sent_to_the_other_server_if_the_first_refuses_connections(tmp_path: Path, method: str) -> None:
    with Upstream() as alive, NginxInFront([free_port(), alive.port], tmp_path) as nginx:
        for _ in range(4):
            assert nginx.client().send(method, "/api/heartbeat", {"version": "1.0.0"}).status_code == 200
    assert [each.method for each in alive.received] == [method] * 4
    assert {each.body for each in alive.received} == {b'{"version": "1.0.0"}'}


def test_a_server_that_refuses_connections_gets_no_further_delete_for_a_while(tmp_path: Path) -> None:
    with Upstream() as alive, NginxInFront([free_port(), alive.port], tmp_path) as nginx:
        statuses = [nginx.client().send("DELETE", "/api/sites").status_code for _ in range(8)]
    assert statuses.count(502) <= 1
    assert statuses.count(200) == len(alive.received) >= 7


def doorbells(first: int, second: int, folder: Path) -> NginxInFront:
    return NginxInFront([free_port()], folder, doorbell_ports=[first, second])


def test_a_wait_that_broke_after_some_time_is_not_sent_to_the_other_doorbell(tmp_path: Path) -> None:
    with (
        Upstream(breaks=True, seconds=3.2) as first,
        Upstream(breaks=True, seconds=3.2) as second,
        doorbells(first.port, second.port, tmp_path) as nginx,
    ):
        assert nginx.client().get("/doorbell").status_code == 503
    assert len(first.received) + len(second.received) == 1


def test_a_wait_is_sent_to_the_other_doorbell_if_the_first_refuses_connections(tmp_path: Path) -> None:
    with Upstream() as alive, doorbells(free_port(), alive.port, tmp_path) as nginx:
        for _ in range(4):
            assert nginx.client().get("/doorbell").status_code == 200
    assert len(alive.received) == 4
    assert alive.connections <= 2, "each process of nginx keeps its connection"
