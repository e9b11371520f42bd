"""The figures that we publish are those that a benchmark wrote down."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.md"


def figures(text: str) -> set[str]:
    """Numbers as they are written, with their thousands and decimals; not those inside of words."""
    return set(re.findall(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w])", text))


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md", "docs/runbook.md"])
def test_every_bold_figure_stands_in_the_results(page: str) -> None:
    measured = figures(RESULTS.read_text(encoding="utf-8"))
    published = {
        figure
        for bold in re.findall(r"\*\*([^*]+)\*\*", (ROOT / page).read_text(encoding="utf-8"))
        if re.match(r"[\d,.]+", bold)
        for figure in figures(bold)
    }
    assert published <= measured, f"not in {RESULTS.name}: {sorted(published - measured)}"
    if page == "docs/performance.md":
        assert len(published) > 15
