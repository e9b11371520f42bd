"""Writes docs/reliability.md: each run replaces the section that it has measured."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks import machine
from tests.faults.observe import Observation
from tests.running_server import ROOT

PAGE = ROOT / "docs/reliability.md"
HEADINGS = (
    *("fault", "lasted, s", "requests", "of these failed", "longest time without success, s"),
    *("to recover, s", "slowest response, s", "lost", "wrong"),
)


def replace_section(name: str, text: str) -> None:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text()
    new = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n\n{text}\n\n{end}", page, flags=re.DOTALL)
    assert begin in page, f"{PAGE} has no section {name}"
    PAGE.write_text(new)


def circumstances(command: str) -> str:
    """Date, machine, and how busy it was with other work."""
    load = os.getloadavg()[0]
    size = f"{machine.processor()}, {os.cpu_count()} cores, {machine.memory_gib()} GiB"
    text = f"`{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {size}, load before it began {load:.1f}."
    return text if load < 1 else f"{text} **Other work ran on the machine: the times are longer than they need be.**"


def by_status(failures: Counter[str]) -> str:
    names = {"none": "no response"}
    return ", ".join(f"{count} × {names.get(status, status)}" for status, count in sorted(failures.items())) or "0"


def row(each: Observation) -> list[str]:
    return [
        each.name,
        f"{max(0.0, each.ended_at - each.began_at):.0f}" if not each.is_a_kill else "a kill",
        f"{len(each.requests):,}",
        by_status(each.failures),
        f"{each.longest_without_success:.1f}",
        f"{each.seconds_to_recover:.1f}" if each.recovered else "**not within a minute**",
        f"{each.slowest:.1f}",
        str(len(each.lost)),
        str(len(each.wrong)),
    ]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fault_table(observations: Sequence[Observation]) -> str:
    return table(HEADINGS, [row(each) for each in observations])
