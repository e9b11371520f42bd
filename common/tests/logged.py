"""What the server would have written to its log, line by line."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from common.logs import JsonFormatter


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@contextmanager
def log_lines(level: int = logging.DEBUG) -> Iterator[Lines]:
    """Everything that is logged meanwhile, as the shipped formatter prints it at that moment."""
    lines, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(lines)
    root.setLevel(level)
    try:
        yield lines
    finally:
        root.removeHandler(lines)
        root.setLevel(before)
