"""The documentation points at files, headings and names that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("benchmarks/*.md"),
        *ROOT.glob("agent/*.md"),
    )
)
# A path of this repository, as `code`: it has a slash and begins with one of our folders.
FOLDERS = (
    "accounts|agent|audit|backup|benchmarks|common|config|demo|docs|doorbell|erasure|fleet|heartbeat|idempotency|licensing"
    "|panel|scripts|sites|static|templates|tests"
)
CODE_PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)`(?:, `(\w+)`)?")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_every_path_and_name_exists(page: str) -> None:
    missing = []
    for path, name in CODE_PATH.findall(text_of(page)):
        file = ROOT / path
        if not file.exists() or (name and file.is_file() and not re.search(rf"\b{name}\b", file.read_text())):
            missing.append((path, name))
    assert not missing


def test_the_index_lists_every_decision() -> None:
    index = ROOT / "docs/decisions/README.md"
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index.read_text(encoding="utf-8")))
    assert listed == {page.name for page in index.parent.glob("0*.md")}
