"""What a simulation counted and found."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

CLONES, ORDINARY = "With clones", "Without clones"
MISSED = "clones suspected too late or never"
WITHOUT_EVIDENCE = "clones suspected before their heartbeats show them"
FALSE_ALARM = "false alarms"
LIKE_CLONES = "restaurants without a clone whose heartbeats look like one"
FINDINGS = (MISSED, WITHOUT_EVIDENCE, FALSE_ALARM, LIKE_CLONES)


@dataclass
class Report:
    """Counts of each kind of simulation, and for each kind of finding the heartbeats that led to it."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    findings: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in FINDINGS})

    def add(self, other: "Report") -> None:
        for title, counts in other.counts.items():
            self.counts[title].update(counts)
        for name, found in other.findings.items():
            self.findings[name] += found

    @property
    def is_bad(self) -> bool:
        return any(self.findings.values())

    def text(self, shown: int) -> str:
        """With the shortest of each kind of findings."""
        lines = []
        for title, counts in self.counts.items():
            lines += [f"\n{title}", *(f"{number:>10,}  {name}" for name, number in sorted(counts.items()))]
        lines.append("\nResult")
        for name, found in self.findings.items():
            lines += [f"{len(found):>10,}  {name}", *(f"            {text}" for text in sorted(found, key=len)[:shown])]
        return "\n".join(lines)
