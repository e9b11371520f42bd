"""`python -m tests.kills.beating URL STATE_DIR`: for each line of the standard input, a process that is made to be killed.

It sends heartbeats and writes each state fifty times, as fast as it can. A process that was forked starts sooner than a new
interpreter. The first line that it prints is its number, after its first stored lease; when it was killed, the signal follows.
"""

from __future__ import annotations

import os
import sys

from portcullis_agent import Agent

from ..control_plane import SITE_KEY
from ..signing import SITE_ID


def beat_for_ever(url: str, folder: str) -> None:
    agent = Agent(url=url, site_id=SITE_ID, site_key=SITE_KEY, state_dir=folder)
    while True:
        result = agent.beat()
        if not result.stored:
            sys.exit(result.reason)
        print(os.getpid(), flush=True)
        for _ in range(50):
            agent._keeper.save(force=True)


if __name__ == "__main__":
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            beat_for_ever(*sys.argv[1:])
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else "ended by itself", flush=True)
