"""`kill -9` while the state is written: the newest state is whole each time. `python -m tests.kills` does it 200 times."""

from __future__ import annotations

from pathlib import Path

from .kills.kills import kill_repeatedly


def test_a_kill_at_any_instant_loses_no_state(tmp_path: Path) -> None:
    assert kill_repeatedly(tmp_path, 20).revision > 0
