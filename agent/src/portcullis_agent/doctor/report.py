"""What the doctor found, for a person and for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass

OK, WARNING, PROBLEM, SKIPPED = "ok", "warning", "problem", "skipped"
WIDTH = 110


@dataclass(frozen=True)
class Check:
    """One step: its `level`, what was found, and a sentence of advice if there is something to do."""

    name: str
    level: str
    finding: str
    advice: str | None = None


def is_sound(checks: Sequence[Check]) -> bool:
    """Whether nothing is wrong; warnings are not."""
    return all(check.level != PROBLEM for check in checks)


def as_json(checks: Sequence[Check]) -> str:
    return json.dumps({"ok": is_sound(checks), "checks": [asdict(check) for check in checks]}, indent=2)


def as_text(checks: Sequence[Check]) -> str:
    indent = 9 + max(len(check.name) for check in checks) + 2
    lines = []
    for check in checks:
        start = f"{check.level:<9}{check.name}".ljust(indent)
        lines += _wrap(check.finding, start, indent)
        if check.advice:
            lines += _wrap(check.advice, " " * indent + "→ ", indent + 2)
    problems = sum(check.level == PROBLEM for check in checks)
    warnings = sum(check.level == WARNING for check in checks)
    return "\n".join([*lines, "", f"Problems: {problems}. Warnings: {warnings}."])


def _wrap(text: str, start: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * indent, break_on_hyphens=False)
