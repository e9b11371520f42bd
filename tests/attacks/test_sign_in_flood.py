"""What a flood of wrong passwords from many IPv6 addresses costs. Counts decide; times are printed only."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attacks.sign_in_flood import SETTINGS, attack
from tests.conftest import started
from tests.running_server import RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_48_gets_few_guesses_and_heartbeats_go_on(tmp_path: Path, new_sqlite: Callable[[Path], str]) -> None:
    with started(RunningServer(new_sqlite(tmp_path), tmp_path, settings=SETTINGS)) as server:
        outcome = attack(server, seconds=5)
    print(outcome.table())
    assert set(outcome.sign_ins) <= {401, 429, 503}
    assert 0 < outcome.sign_ins[401] <= 160
    assert outcome.sign_ins[429] > 0
    assert set(outcome.heartbeats) == {200}
    assert outcome.sign_in_elsewhere == 200
