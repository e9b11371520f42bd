"""Instants and time zones as the product writes and reads them."""

import re
import zoneinfo
from datetime import UTC, datetime
from functools import cache

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII)


def format_instant(instant: datetime) -> str:
    """Format an instant as RFC 3339 in UTC, with `Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(value: str) -> datetime:
    """Parse an RFC 3339 time with its offset into UTC. Raises ValueError, also outside the years 1 to 9999."""
    if not RFC3339.fullmatch(value):
        raise ValueError("not an RFC 3339 time with an offset")
    upper = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
    try:
        return datetime.fromisoformat(upper).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error


@cache
def known_zones() -> frozenset[str]:
    """The names of the IANA time zones that this machine knows."""
    return frozenset(zoneinfo.available_timezones()) - {"Factory", "localtime"}
