"""Strict parsing of environment variables: an invalid value stops the start.

Each setting `NAME` can also be given as `NAME_FILE`, the path of a file that contains the value. Container platforms pass
secrets that way.
"""

import ipaddress
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

Value = TypeVar("Value")

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})

# 128 bits in hexadecimal: too long to be found by trying.
MIN_SECRET_LENGTH = 32
MIN_SECRET_DISTINCT = 8
PLACEHOLDER_PREFIXES = ("django-insecure-", "change-me", "changeme", "insecure")

DEVELOPMENT_SECRET = "portcullis development only, never a secret: "  # noqa: S105 - never accepted in production


def load_env_file(base_dir: Path) -> None:
    """Read `.env` at the project's root (or `ENV_FILE`); variables that are set already take precedence."""
    load_dotenv(os.environ.get("ENV_FILE") or base_dir / ".env", override=False)


def text(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file that `NAME_FILE` names, or the default.

    Raises ImproperlyConfigured if both are set, if the file cannot be read, and if there is neither a value nor a default.
    An empty value counts as not set.
    """
    value, file_name = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if value and file_name:
        raise ImproperlyConfigured(f"Set either {name} or {name}_FILE, not both.")
    if file_name:
        try:
            value = Path(file_name).read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE names {file_name}, which cannot be read: {error}.") from error
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE names {file_name}, which is empty.")
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE); see .env.example.")
    return default


def boolean(name: str, *, default: bool) -> bool:
    value = text(name, "true" if default else "false").strip().lower()
    if value in TRUE_WORDS:
        return True
    if value in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, *, default: int, minimum: int, maximum: int) -> int:
    value = text(name, str(default)).strip()
    # isdecimal() accepts digits of other scripts, and int() accepts underscores and signs.
    if not (value.isascii() and value.isdecimal() and len(value) < 20) or not minimum <= int(value) <= maximum:
        raise ImproperlyConfigured(f"{name} must be a whole number from {minimum} to {maximum}, not {value!r}.")
    return int(value)


def days(name: str, *, default: int, minimum: int) -> timedelta:
    return timedelta(days=integer(name, default=default, minimum=minimum, maximum=36_500))


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; blank entries are left out."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def parse_each(entries: list[str], parse: Callable[[str], Value], name: str, expected: str) -> list[Value]:
    """Parse each entry; `expected` describes a valid entry in the error message."""
    parsed = []
    for word in entries:
        try:
            parsed.append(parse(word))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {word!r} is not {expected}.") from error
    return parsed


def choice(name: str, choices: list[str], *, default: str) -> str:
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def instant(name: str) -> str:
    """A time with its offset, in UTC. Raises ImproperlyConfigured if there is none."""
    value = text(name)
    try:
        if (moment := datetime.fromisoformat(value)).utcoffset() is None:
            raise ValueError("no offset")
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a time such as 2027-06-30T00:00:00Z, not {value!r}.") from error


def proxies(name: str) -> tuple[list[ipaddress.IPv4Network | ipaddress.IPv6Network], bool]:
    """Networks, and whether `unix` is among them: a proxy that connects through a Unix socket has no address."""
    named = words(name)
    expected = "an address, a network such as 10.0.0.0/8, or unix"
    networks = parse_each([word for word in named if word != "unix"], ipaddress.ip_network, name, expected)
    return networks, "unix" in named


def secret(name: str, *, debug: bool) -> str:
    """A secret, which must be strong in production. In debug mode the default is a fixed value."""
    default = (DEVELOPMENT_SECRET + name) if debug else None
    value = text(name, default)
    if not debug and is_weak(value):
        raise ImproperlyConfigured(
            f"{name} is too weak: set at least {MIN_SECRET_LENGTH} random characters, for example from "
            """`python -c "import secrets; print(secrets.token_urlsafe(50))"`."""
        )
    return value


def optional_secret(name: str, default: str, *, debug: bool) -> str:
    """The variable or the default; a weak value is accepted only while debugging."""
    value = text(name, default)
    if value and not debug and is_weak(value):
        raise ImproperlyConfigured(f"{name} is too weak: set at least 32 random characters, or leave it out.")
    return value


def secrets(name: str, *, debug: bool) -> list[str]:
    """Secrets separated by commas, of which each must be strong in production and none may be given twice."""
    value = secret(name, debug=debug)
    if "," not in value or value.startswith(DEVELOPMENT_SECRET):
        return [value]
    values = words(name)
    if not debug and any(map(is_weak, values)):
        raise ImproperlyConfigured(
            f"{name} is too weak: each of its values, separated by commas, needs at least {MIN_SECRET_LENGTH} random"
            " characters."
        )
    if len(set(values)) < len(values):
        raise ImproperlyConfigured(f"{name} has the same value twice.")
    return values


def is_weak(value: str) -> bool:
    return (
        len(value) < MIN_SECRET_LENGTH
        or len(set(value)) < MIN_SECRET_DISTINCT
        or value.lower().startswith(PLACEHOLDER_PREFIXES)
        or value.startswith(DEVELOPMENT_SECRET)
    )
