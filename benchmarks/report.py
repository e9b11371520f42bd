"""Tables, goals, and benchmarks/results.md, in which each benchmark has a section of its own."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("results.md")
HEADING = "# What the benchmarks measured\n\nWritten by the benchmarks themselves, see [README.md](README.md).\n"


@dataclass(frozen=True)
class Goal:
    text: str
    measured: str
    is_reached: bool

    def __str__(self) -> str:
        return f"* {'reached' if self.is_reached else '**not reached**'}: {self.text} – measured {self.measured}"


def at_least(text: str, measured: float, limit: float) -> Goal:
    return Goal(f"{text} ≥ {limit:g}", f"{measured:.2f}", measured >= limit)


def at_most(text: str, measured: float, limit: float) -> Goal:
    return Goal(f"{text} ≤ {limit:g}", f"{measured:.2f}", measured <= limit)


def below(text: str, measured: float, limit: float, unit: str = "") -> Goal:
    return Goal(f"{text} < {limit:.4g}{unit}", f"{measured:.3g}{unit}", measured < limit)


def none(text: str, measured: int) -> Goal:
    return Goal(text, str(measured), measured == 0)


def spread(figures: Sequence[float]) -> str:
    """The lowest and the highest, in per cent of the median; one figure has none."""
    if len(figures) == 1:
        return "–"
    middle = statistics.median(figures)
    low, high = (round(100 * (figure / middle - 1)) for figure in (min(figures), max(figures)))
    return f"{low:+d} … {high:+d} %"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown that also reads well in a terminal: the first column to the left, figures to the right."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [f"{'-' * (width - 1)}{':' if column else '-'}" for column, width in enumerate(widths)]
    return "\n".join([line(cells[0]), line(rule), *(line(row) for row in cells[1:])])


def write_section(name: str, body: str) -> None:
    """Replace the section of that name in results.md, or add it; the other sections stay as they are."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n\n{body.strip()}\n\n{end}"
    present = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEADING
    before, found, rest = present.partition(begin)
    text = before + section + rest.partition(end)[2] if found else f"{present.rstrip()}\n\n{section}\n"
    RESULTS.write_text(text, encoding="utf-8")
