"""Servers of tests that run at the same time get different ports, also before they listen."""

import pytest

from scripts.with_services import free_port

pytestmark = pytest.mark.any_database


def test_no_port_is_returned_twice_and_none_by_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "4")
    monkeypatch.setattr("scripts.with_services.returned_ports", set())
    shares = []
    for number in range(4):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        shares.append([free_port() for _ in range(400)])
    assert [len(set(share)) for share in shares] == [400] * 4
    assert {tuple(sorted({port % 4 for port in share})) for share in shares} == {(0,), (1,), (2,), (3,)}
