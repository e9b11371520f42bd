"""`python -m tests.device.disk.filling FOLDER`: a device on a disk that is full; prints what came of it as JSON."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from portcullis_agent.device.queue import Queue
from portcullis_agent.device.state import DeviceStore


def fill(folder: Path) -> dict[str, object]:
    """More than the disk holds, as if it were there; then what is left on it."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("portcullis_agent").addHandler(handler)
    store, queue = DeviceStore(folder), Queue(folder / "health", 16 * 1024 * 1024)
    store.open()
    stored = 0
    for number in range(1, 6_001):
        queue.append({"value": number, "text": "x" * 300})
        if number % 500 == 0:
            stored += store.change(config={"number": number})
    waiting = [record.content["value"] for record in queue.oldest(10_000)]
    again = [record.content["value"] for record in Queue(folder / "health", 16 * 1024 * 1024).oldest(10_000)]
    return {
        "waiting": len(queue),
        "lost": queue.lost,
        "problem": queue.problem,
        "said": said,
        "in_memory": waiting[-100:],
        "on_disk": again,
        "stored": stored,
        "config": store.state.config,
    }


if __name__ == "__main__":
    print(json.dumps(fill(Path(sys.argv[1]))))
