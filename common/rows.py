"""Positions in lists that come from outside."""

LAST_ROW = 2**31 - 2  # PostgreSQL counts the elements of an array in 32 bits, and the rows of a list in 64


def within_any_list(rows: slice) -> slice:
    """The same positions as far as databases can count; no list is so long."""
    return slice(min(rows.start, LAST_ROW), min(rows.stop, LAST_ROW))
