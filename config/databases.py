"""DATABASE_URL and the settings beside it, as Django's DATABASES takes them."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

MIN_STATEMENT_TIMEOUT_MS = 1_000
DEADLINE_WITHOUT_TIMEOUT_SECONDS = 3.9
# Short, so that there is time left to read the page from the primary instead.
REPLICA_STATEMENT_TIMEOUT_MS = 1_000
REPLICA_DEADLINE_SECONDS = 1.4
DEFAULT_POSTGRESQL_PORT = 5432


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


def parse_url(name: str, url: str) -> dict[str, Any]:
    """A database's URL as a DATABASES entry. Of several hosts, separated by commas, it takes the first that accepts.

    Raises ImproperlyConfigured, without the URL, which may hold a password.
    """
    host_and_port = urlsplit(url).netloc.rpartition("@")[2]
    hosts = host_and_port.split(",")
    try:
        single = url.replace(host_and_port, hosts[0], 1) if len(hosts) > 1 else url
        config: dict[str, Any] = {**dj_database_url.parse(single, conn_max_age=60, conn_health_checks=True)}
        parts = [urlsplit(f"//{host}") for host in hosts] if len(hosts) > 1 else []
        if not all(part.hostname for part in parts):
            raise ValueError("an empty host")
        if parts:
            config["HOST"] = ",".join(unquote(part.hostname or "") for part in parts)
            config["PORT"] = ",".join(str(part.port or DEFAULT_POSTGRESQL_PORT) for part in parts)
    except (ValueError, dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as error:
        raise ImproperlyConfigured(f"{name} must look like postgres://user:password@host:5432/name.") from error
    if not config.get("NAME") or config["NAME"] == ":memory:":
        raise ImproperlyConfigured(f"{name} must name a database, as in postgres://user:password@host:5432/name.")
    return config


def on_postgresql(config: dict[str, Any], *, session: str) -> dict[str, Any]:
    """The entry with our backend; of several hosts, `session` says which kind is wanted, as libpq names it."""
    # Turn it off for a pooler in transaction mode without support for prepared statements (PgBouncer before 1.21).
    prepared_statements = env.boolean("DATABASE_PREPARED_STATEMENTS", default=True)
    options = {"connect_timeout": 2, **(config.get("OPTIONS") or {}), "prepared_statements": prepared_statements}
    if "," in config["HOST"]:
        options.setdefault("target_session_attrs", session)
    return {
        **config,
        "ENGINE": "config.postgresql",
        "DISABLE_SERVER_SIDE_CURSORS": not prepared_statements,
        "OPTIONS": options,
    }


def database(base_dir: Path) -> dict[str, Any]:
    """DATABASE_URL as Django's DATABASES entry, with options for concurrent writes on SQLite and timeouts on PostgreSQL."""
    # `limited` stops a statement in time to answer 503 within 5 s; manage.py uses `unlimited`.
    is_limited = env.choice("DATABASE_PATIENCE", ["limited", "unlimited"], default="limited") == "limited"
    milliseconds = statement_timeout_ms()
    config = parse_url("DATABASE_URL", env.text("DATABASE_URL", f"sqlite:///{base_dir / 'var' / 'portcullis.sqlite3'}"))
    if config["ENGINE"] == "django.db.backends.sqlite3":
        make_folder_of(str(config["NAME"]), base_dir)
        config["ENGINE"] = "config.sqlite3"
        # IMMEDIATE: a transaction waits for the write lock at its start instead of failing at its first write.
        # FULL: a commit waits until the disk has it. With NORMAL, a power cut may undo changes that were answered.
        config["OPTIONS"] = {
            **(config.get("OPTIONS") or {}),
            "transaction_mode": "IMMEDIATE",
            "timeout": 4,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    elif config["ENGINE"] == "django.db.backends.postgresql":
        config = on_postgresql(config, session="read-write")
        if is_limited:
            config["OPTIONS"] |= limits(str(config["OPTIONS"].get("options", "")), milliseconds)
    else:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")
    return config


def databases(base_dir: Path) -> dict[str, dict[str, Any]]:
    """`default`, and `replica` if DATABASE_REPLICA_URL is set; `config.replica` says what reads from it."""
    primary = database(base_dir)
    url = env.text("DATABASE_REPLICA_URL", "")
    if not url:
        return {"default": primary}
    if primary["ENGINE"] != "config.postgresql":
        raise ImproperlyConfigured(
            "DATABASE_REPLICA_URL needs PostgreSQL in DATABASE_URL: SQLite has no replica. Leave it out."
        )
    replica = parse_url("DATABASE_REPLICA_URL", url)
    if replica["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_REPLICA_URL must begin with postgres://.")
    replica = on_postgresql(replica, session="standby")
    timeout_ms = REPLICA_STATEMENT_TIMEOUT_MS if statement_timeout_ms() else 0
    replica["OPTIONS"] |= limits(str(replica["OPTIONS"].get("options", "")), timeout_ms)
    replica["OPTIONS"]["deadline_seconds"] = REPLICA_DEADLINE_SECONDS
    replica["TEST"] = {"MIRROR": "default"}
    return {"default": primary, "replica": replica}
