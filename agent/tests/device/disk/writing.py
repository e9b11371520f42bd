"""`python -m tests.device.disk.writing FOLDER`: for each line of the standard input, a process that is made to be killed.

It puts numbers into a queue as fast as it can, acknowledges some, and prints each number that the queue has taken.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from portcullis_agent.device.queue import Queue

MAX_BYTES = 128 * 1024


def write_until_killed(folder: Path) -> None:
    queue = Queue(folder, MAX_BYTES)
    while True:
        record = queue.append({"value": "x" * 50})
        os.write(1, b"%d\n" % record.number)
        if record.number % 40 == 0:
            queue.acknowledge(queue.oldest(20))


if __name__ == "__main__":
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            write_until_killed(Path(sys.argv[1]))
        os.write(1, b"child %d\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(1, b"ended %d\n" % (os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1))
