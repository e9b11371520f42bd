"""The figures that we publish are those that a benchmark wrote down."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.md"


def figures(text: str) -> set[str]:
    """Numbers as they are written, with their thousands and decimals; not those inside of words."""
    return set(re.findall(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w])", text))


PERFORMANCE_PAGES = sorted(f"docs/performance/{page.name}" for page in (ROOT / "docs" / "performance").glob("*.md"))


def published_figures(page: str) -> set[str]:
    """The figures in bold, if the bold text begins with one."""
    return {
        figure
        for bold in re.findall(r"\*\*([^*]+)\*\*", (ROOT / page).read_text(encoding="utf-8"))
        if re.match(r"[\d,.]+", bold)
        for figure in figures(bold)
    }


@pytest.mark.parametrize("page", ["README.md", "docs/runbook.md", *PERFORMANCE_PAGES])
def test_every_bold_figure_stands_in_the_results(page: str) -> None:
    measured = figures(RESULTS.read_text(encoding="utf-8"))
    published = published_figures(page)
    assert published <= measured, f"not in {RESULTS.name}: {sorted(published - measured)}"


def test_the_performance_pages_publish_measured_figures() -> None:
    assert len(set().union(*map(published_figures, PERFORMANCE_PAGES))) > 15
