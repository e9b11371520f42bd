"""What ran where: for a figure that says neither is worth nothing."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.postgres import Database

PACKAGES = (
    *("Django", "djangorestframework", "psycopg", "gunicorn", "gunicorn_h1c", "granian"),
    *("fastapi", "pydantic", "SQLAlchemy", "asyncpg", "uvicorn", "uvloop", "httptools"),
)
# A process of somebody else's that computes all the time adds 1.
BUSY = 0.5


def describe(command: str) -> str:
    """Date, command, machine and versions as a markdown list. Call it first: it also tells who else is computing here."""
    installed = {found.name: found.version for found in distributions()}
    packages = ", ".join(f"{package} {installed.get(package, 'missing')}" for package in PACKAGES)
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, `{command}`",
        f"{processor()}, {os.cpu_count()} cores, {memory_gib()} GiB of memory, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {packages}, wrk {wrk_version()}",
    ]
    load = os.getloadavg()[0]
    if load > BUSY:
        lines.append(f"**Something else was computing on this machine** when it began (load {load:.1f}): expect noise")
    return "\n".join(f"* {line}" for line in lines)


def describe_database(database: Database) -> str:
    server = str(database.value("SHOW server_version")).split()[0]
    durability = f"fsync {database.value('SHOW fsync')}, synchronous_commit {database.value('SHOW synchronous_commit')}"
    return f"* PostgreSQL {server} ({durability}), which everybody reaches over TCP on 127.0.0.1"


def processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def memory_gib() -> int:
    kib = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert kib is not None
    return round(int(kib[1]) / 1024**2)


def wrk_version() -> str:
    # It prints its version with its usage, and ends with 1.
    printed = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    found = re.search(r"wrk (\S+)", printed.stdout + printed.stderr)
    return found[1].removeprefix("debian/") if found else "of unknown version"
