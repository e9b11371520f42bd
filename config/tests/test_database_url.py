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


def test_the_socket_of_cloud_sql_is_an_option_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    config = database(monkeypatch, f"postgres://user:{SECRET}@/portcullis?host=/cloudsql/project:region:instance")
    assert (config["HOST"], config["OPTIONS"]["host"]) == ("", "/cloudsql/project:region:instance")
    assert (config["NAME"], config["PASSWORD"]) == ("portcullis", "p@ss/w:ord")


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


def test_of_several_hosts_each_keeps_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    config = database(monkeypatch, f"postgres://user:{SECRET}@one.example:5433,two.example,[::1]:5434/portcullis")
    assert (config["HOST"], config["PORT"]) == ("one.example,two.example,::1", "5433,5432,5434")
    assert (config["USER"], config["PASSWORD"], config["NAME"]) == ("user", "p@ss/w:ord", "portcullis")


def test_of_several_hosts_the_one_that_takes_writes_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database(monkeypatch, "postgres://user@a,b/x")["OPTIONS"]["target_session_attrs"] == "read-write"
    assert "target_session_attrs" not in database(monkeypatch, "postgres://user@a/x")["OPTIONS"]
    given = database(monkeypatch, "postgres://user@a,b/x?target_session_attrs=primary")
    assert given["OPTIONS"]["target_session_attrs"] == "primary"


@pytest.mark.parametrize("hosts", ["a,", ",a", "a,b:port", "a,,b"])
def test_a_missing_or_wrong_host_among_several_is_refused(monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must"):
        database(monkeypatch, f"postgres://user@{hosts}/x")


def with_replica(monkeypatch: pytest.MonkeyPatch, url: str, replica: str) -> dict[str, Any]:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DATABASE_REPLICA_URL", replica)
    return databases.databases(settings.BASE_DIR)


def test_without_a_replica_there_is_one_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(with_replica(monkeypatch, "postgres://user@db/x", "")) == ["default"]


def test_a_replica_has_short_deadlines_so_that_the_primary_can_answer_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    both = with_replica(monkeypatch, "postgres://user@db/x", "postgres://user@replica/x")
    assert both["replica"]["HOST"] == "replica"
    options = both["replica"]["OPTIONS"]
    assert options["deadline_seconds"] + both["default"]["OPTIONS"]["deadline_seconds"] < 5.5
    assert "statement_timeout=1000" in options["options"]


def test_a_replica_of_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"DATABASE_REPLICA_URL needs PostgreSQL in DATABASE_URL: SQLite has no"
    ):
        with_replica(monkeypatch, f"sqlite:///{tmp_path / 'x.sqlite3'}", "postgres://user@replica/x")


@pytest.mark.parametrize("url", ["sqlite:///x.sqlite3", "junk", "postgres://user@db:port/x"])
def test_a_replica_that_is_not_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_REPLICA_URL must"):
        with_replica(monkeypatch, "postgres://user@db/x", url)
