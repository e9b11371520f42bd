"""DATABASE_URL and the settings beside it, as Django's DATABASES takes them."""

import os
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

MIN_STATEMENT_TIMEOUT_MS = 1_000
DEADLINE_WITHOUT_TIMEOUT_SECONDS = 3.9


def statement_timeout_ms() -> int:
    """DATABASE_STATEMENT_TIMEOUT_MS; 0 for none."""
    milliseconds = env.integer("DATABASE_STATEMENT_TIMEOUT_MS", default=3_500, minimum=0, maximum=3_600_000)
    if 0 < milliseconds < MIN_STATEMENT_TIMEOUT_MS:
        raise ImproperlyConfigured(
            f"DATABASE_STATEMENT_TIMEOUT_MS must be 0 (none) or at least {MIN_STATEMENT_TIMEOUT_MS}."
        )
    return milliseconds


def limits(startup_options: str, milliseconds: int) -> dict[str, Any]:
    """Timeouts of the database server, and a deadline in the client in case the server does not answer at all.

    JIT is off: PostgreSQL takes a hundred times as long to compile the statement of a list as to run it.
    """
    if not milliseconds:
        return {"deadline_seconds": DEADLINE_WITHOUT_TIMEOUT_SECONDS}
    timeouts = f"-c jit=off -c statement_timeout={milliseconds} -c lock_timeout={milliseconds - 500}"
    return {
        "options": f"{startup_options} {timeouts}".strip(),
        "deadline_seconds": milliseconds / 1000 + 0.4,
    }


def make_folder_of(file_name: str, base_dir: Path) -> None:
    """Make the folder for its owner alone. If it exists, close it to others if it is our own `var/`."""
    folder = Path(file_name).parent
    try:
        if not folder.is_dir():
            folder.mkdir(0o700, parents=True, exist_ok=True)
        elif folder.resolve() == base_dir / "var" and folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)
    except OSError as error:
        raise ImproperlyConfigured(f"DATABASE_URL names {file_name}, whose folder cannot be made: {error}.") from error


def database(base_dir: Path) -> dict[str, Any]:
    """DATABASE_URL as Django's DATABASES entry, with options for concurrent writes on SQLite and timeouts on PostgreSQL."""
    # `limited` stops a statement in time to answer 503 within 5 s; manage.py uses `unlimited`.
    is_limited = env.choice("DATABASE_PATIENCE", ["limited", "unlimited"], default="limited") == "limited"
    milliseconds = statement_timeout_ms()
    # Turn it off for a pooler in transaction mode without support for prepared statements (PgBouncer before 1.21).
    prepared_statements = env.boolean("DATABASE_PREPARED_STATEMENTS", default=True)
    url = env.text("DATABASE_URL", f"sqlite:///{base_dir / 'var' / 'portcullis.sqlite3'}")
    try:
        config: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)}
    except (ValueError, dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as error:
        raise ImproperlyConfigured("DATABASE_URL must look like postgres://user:password@host:5432/name.") from error
    options = dict(config.get("OPTIONS") or {})
    if not config.get("NAME") or config["NAME"] == ":memory:":
        raise ImproperlyConfigured("DATABASE_URL must name a database, as in postgres://user:password@host:5432/name.")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        make_folder_of(str(config["NAME"]), base_dir)
        config["ENGINE"] = "config.sqlite3"
        # IMMEDIATE: a transaction waits for the write lock at its start instead of failing at its first write.
        # FULL: a commit waits until the disk has it. With NORMAL, a power cut may undo changes that were answered.
        options |= {
            "transaction_mode": "IMMEDIATE",
            "timeout": 4,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    elif config["ENGINE"] == "django.db.backends.postgresql":
        config["ENGINE"] = "config.postgresql"
        options.setdefault("connect_timeout", 2)
        options["prepared_statements"] = prepared_statements
        config["DISABLE_SERVER_SIDE_CURSORS"] = not prepared_statements
        if is_limited:
            options |= limits(str(options.get("options", "")), milliseconds)
    else:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")
    config["OPTIONS"] = options
    return config
