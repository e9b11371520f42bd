"""Names of many things in one sentence."""

from collections.abc import Sequence

NAMES_AT_MOST = 10


def join_names(names: Sequence[str]) -> str:
    """As in "Roma, Milano and 3 more"."""
    more = f" and {len(names) - NAMES_AT_MOST:,} more" if len(names) > NAMES_AT_MOST else ""
    return ", ".join(names[:NAMES_AT_MOST]) + more
