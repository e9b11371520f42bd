"""The agent's FastAPI example, with clocks that a test moves: the file MOVED_CLOCK holds the seconds to add."""

import os
from pathlib import Path

import portcullis_agent.agent
from portcullis_agent.clock import Clock

FILE = Path(os.environ["MOVED_CLOCK"])
wall, monotonic = Clock.wall, Clock.monotonic

Clock.wall = lambda self: wall(self) + float(FILE.read_text())
Clock.monotonic = lambda self: monotonic(self) + float(FILE.read_text())
portcullis_agent.agent.LONGEST_SLEEP_SECONDS = 0.2  # how soon the agent's thread notices that the clock was moved

from fastapi_app import app  # noqa: E402 - it makes the agent

__all__ = ["app"]
