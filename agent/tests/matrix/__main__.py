"""`python -m tests.matrix [--full]`: the cells of the matrix, in as many processes as there are processors."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

from .faults import FAULTS, Fault
from .simulation import CLOCKS, RESTARTS, Cell

Coordinates = tuple[int, str, str, int]


def quick_cells() -> list[Coordinates]:
    """Each fault once, each pair of clock and restart several times, a step each three days."""
    pairs = list(product(CLOCKS, RESTARTS))
    return [(number, *pairs[number % len(pairs)], 72) for number in range(len(FAULTS))]


def full_cells() -> list[Coordinates]:
    return [(number, clock, restart, 24) for number, clock, restart in product(range(len(FAULTS)), CLOCKS, RESTARTS)]


def run_cell(coordinates: Coordinates) -> str | None:
    """None, or what went wrong."""
    logging.getLogger("portcullis_agent").setLevel(logging.CRITICAL)
    number, clock, restart, hours = coordinates
    fault: Fault = FAULTS[number]
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # nothing here is about the disk
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        cell = Cell(fault, clock, restart, Path(folder), step_hours=hours)
        try:
            cell.run()
        except AssertionError as error:
            return f"{fault.name} × {clock} × {restart}, day {cell.day:.2f}: {error}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="every fault with every clock and every restart, a step each day"
    )
    cells = full_cells() if parser.parse_args().full else quick_cells()
    started = time.monotonic()
    with ProcessPoolExecutor() as pool:
        wrong = [result for result in pool.map(run_cell, cells, chunksize=4) if result]
    print(*wrong[:50], sep="\n")
    seconds = time.monotonic() - started
    print(f"{len(FAULTS)} faults, {len(cells)} cells of 400 days, {len(wrong)} wrong, {seconds:.0f} seconds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
