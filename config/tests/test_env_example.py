"""`.env.example` names every setting that is read, one line each, and nothing that is not."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

READ_BY_DJANGO = {
    "DJANGO_SETTINGS_MODULE",
    "ENV_FILE",
    *(f"DJANGO_SUPERUSER_{fact}" for fact in ("USERNAME", "EMAIL", "PASSWORD")),
}
ENTRY = re.compile(r"^#?\s?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def names_read(file: Path) -> set[str]:
    """The first argument of each `env.reader("NAME", …)` and `os.environ.get("NAME", …)`."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
            continue
        called = ast.unparse(node.func)
        if called.startswith("env.") or called in {"os.environ.get", "os.getenv"}:
            names.add(str(node.args[0].value))
    return names


@pytest.fixture
def read() -> set[str]:
    readers = [
        *(settings.BASE_DIR / "config").glob("*.py"),
        *(settings.BASE_DIR / "config/doorbell").glob("*.py"),
        settings.BASE_DIR / "gunicorn.conf.py",
    ]
    return set().union(*map(names_read, readers))


@pytest.fixture
def entries() -> list[str]:
    return ENTRY.findall((settings.BASE_DIR / ".env.example").read_text(encoding="utf-8"))


def test_the_search_for_settings_finds_them(read: set[str]) -> None:
    assert {"SECRET_KEY", "DEBUG", "DATABASE_URL", "TRUSTED_PROXIES", "WEB_CONCURRENCY", "BIND"} <= read


def test_every_setting_that_is_read_is_listed(read: set[str], entries: list[str]) -> None:
    assert read - set(entries) == set()


def test_nothing_is_listed_that_is_not_read(read: set[str], entries: list[str]) -> None:
    scripts = [file for file in (settings.BASE_DIR / "scripts").rglob("*") if file.suffix in {".py", ".sh"}]
    read_by_scripts = set(re.findall(r"[A-Z][A-Z0-9_]+", "\n".join(file.read_text("utf-8") for file in scripts)))
    assert set(entries) - read - read_by_scripts - READ_BY_DJANGO == set()


def test_each_setting_is_listed_once(entries: list[str]) -> None:
    assert sorted(entries) == sorted(set(entries))
