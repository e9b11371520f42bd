"""DATABASE_URL, as every host gives it."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import databases

SECRET = "p%40ss%2Fw%3Aord"


def database(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, Any]:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT_MS", "3500")
    return databases.database(settings.BASE_DIR)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_postgresql_url_is_read_with_its_quoted_password(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    config = database(monkeypatch, f"{scheme}://user:{SECRET}@db.example:5433/portcullis?sslmode=require")
    assert config["ENGINE"] == "config.postgresql"
    assert (config["USER"], config["PASSWORD"], config["HOST"]) == ("user", "p@ss/w:ord", "db.example")
    assert (config["PORT"], config["NAME"], config["OPTIONS"]["sslmode"]) == (5433, "portcullis", "require")


def test_no_statement_and_no_connection_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    options = database(monkeypatch, "postgres://user@db/x")["OPTIONS"]
    assert options["connect_timeout"] <= 3
    assert "statement_timeout=" in options["options"]
    assert "lock_timeout=" in options["options"]
    assert options["deadline_seconds"] < 5


def test_options_of_the_url_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    options = database(monkeypatch, "postgres://user@db/x?options=-c%20search_path%3Dours&connect_timeout=1")["OPTIONS"]
    assert options["options"].startswith("-c search_path=ours -c jit=off -c statement_timeout=")
    assert int(options["connect_timeout"]) == 1


def test_an_sqlite_url_names_a_file_whose_folder_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "db.sqlite3"
    config = database(monkeypatch, f"sqlite:///{file}")
    assert (config["ENGINE"], config["NAME"]) == ("config.sqlite3", str(file))
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in config["OPTIONS"]["init_command"]
    assert file.parent.is_dir()


def test_without_a_url_it_is_sqlite_in_var(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database(monkeypatch, "")["NAME"] == str(settings.BASE_DIR / "var" / "portcullis.sqlite3")


@pytest.mark.parametrize(
    "url",
    [
        "junk",
        "://nothing",
        "mysql://user@db/x",
        "oracle://x",
        "http://db/x",
        "postgres://user@db:port/x",
        "postgres//db",
    ],
)
def test_anything_else_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must") as refusal:
        database(monkeypatch, url)
    assert url not in str(refusal.value)
