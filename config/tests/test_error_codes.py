"""docs/api.md lists the codes of all problems, with their statuses, and no code that there is not."""

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from common.api.problems import STATUS_CODES
from common.errors import DomainError, http_status

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = [
    path.name for path in ROOT.iterdir() if (path / "__init__.py").exists() and path.name not in {"tests", "scripts"}
]
# An error by the code of its class, or an answer that is written without an error.
OF_A_CLASS = re.compile(r"^    code(?:: ClassVar\[str\])? = \"(\w+)\"$", re.MULTILINE)
WRITTEN = re.compile(r"problem_response\(\s*(\d{3}),\s*\"(\w+)\"")
# It is answered with another status than its class says, by its view.
BY_THE_VIEW = {"range_not_satisfiable": 416}
IN_DRF = {"invalid": 400, "unreadable": 400}


def sources() -> Iterator[Path]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts):
                yield path


def subclasses(error: type[DomainError]) -> Iterator[type[DomainError]]:
    yield error
    for each in error.__subclasses__():
        yield from subclasses(each)


@cache
def codes() -> dict[str, set[int]]:
    """The statuses of each code of the product."""
    found: dict[str, set[int]] = {}
    for path in sources():
        text = path.read_text(encoding="utf-8")
        if OF_A_CLASS.search(text):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for status, code in WRITTEN.findall(text):
            found.setdefault(code, set()).add(int(status))
    for error in subclasses(DomainError):
        if ".tests" not in error.__module__ and error is not DomainError:
            status = BY_THE_VIEW.get(error.code, http_status(error.__new__(error)))
            found.setdefault(error.code, set()).add(status)
    for status, code in (*STATUS_CODES.items(), *((status, code) for code, status in IN_DRF.items())):
        found.setdefault(code, set()).add(status)
    return found


@pytest.fixture(scope="module")
def page() -> str:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return text[text.index("\n## Error codes\n") : text.index("\n## Limits\n")]


def rows(page: str) -> Iterator[tuple[int, list[str]]]:
    """The status and the codes of each row of the table."""
    for status, cell in re.findall(r"^\| (\d{3}) \| ([^|]+) \|", page, re.MULTILINE):
        yield int(status), re.findall(r"`(\w+)`", cell)


def others(page: str) -> set[str]:
    """The codes that the API does not return at present."""
    (paragraph,) = re.findall(r"^Codes of the panel and of commands.*", page, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", paragraph))


def test_every_class_of_errors_is_found() -> None:
    """The test below would pass without any."""
    texts = [code for path in sources() for code in OF_A_CLASS.findall(path.read_text(encoding="utf-8"))]
    assert len(set(texts)) > 80
    assert set(texts) - {"refused"} <= codes().keys()


def test_every_code_is_in_the_page(page: str) -> None:
    listed = {code for _, in_row in rows(page) for code in in_row}
    assert sorted(codes().keys() - listed - others(page)) == []
    assert sorted(listed & others(page)) == []


def test_the_page_names_no_code_that_there_is_not(page: str) -> None:
    listed = {code for _, in_row in rows(page) for code in in_row}
    assert sorted((listed | others(page)) - codes().keys()) == []


def test_each_code_has_the_status_that_the_page_says(page: str) -> None:
    wrong = [(status, code) for status, in_row in rows(page) for code in in_row if status not in codes()[code]]
    assert wrong == []


def test_statuses_are_in_order(page: str) -> None:
    statuses = [status for status, _ in rows(page)]
    assert statuses == sorted(statuses)
