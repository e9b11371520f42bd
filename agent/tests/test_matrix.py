"""The quick run of the matrix: no fault, clock or restart changes what the last good lease says."""

from __future__ import annotations

from pathlib import Path

import pytest

from .matrix.__main__ import Coordinates, quick_cells, run_cell
from .matrix.faults import FAULTS


@pytest.mark.parametrize("cells", [quick_cells()[number::4] for number in range(4)], ids=["1", "2", "3", "4"])
def test_each_fault_leaves_the_last_good_lease_in_force(cells: list[Coordinates], tmp_path: Path) -> None:
    assert [wrong for wrong in map(run_cell, cells) if wrong] == []


def test_there_are_enough_faults_and_each_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 40
