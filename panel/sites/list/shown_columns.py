"""Which columns of the list of sites a person sees. The choice is in the URL, so that a saved view has it."""

from collections.abc import Iterable, Mapping

COLUMNS = "columns"
# By their names in the URL; the site itself and its state are always shown.
OPTIONAL: Mapping[str, str] = {
    "end": "shown_end",
    "seen": "shown_seen",
    "version": "shown_version",
    "week": "shown_week",
    "receipt": "shown_receipt",
    "organization": "shown_organization",
}
USUAL = ("end", "seen", "version", "week")  # without a choice
ALWAYS = "state"  # in the URL of a list that shows nothing else


def chosen_columns(values: Iterable[str]) -> list[str]:
    """The names in OPTIONAL, in its order, of `?columns=end,seen` or `?columns=end&columns=seen`."""
    given = {name for value in values for name in value.split(",")} - {""}
    return [name for name in OPTIONAL if name in given] if given else list(USUAL)


def hidden_columns(values: Iterable[str]) -> frozenset[str]:
    """The methods of the columns that are not shown."""
    chosen = chosen_columns(values)
    return frozenset(method for name, method in OPTIONAL.items() if name not in chosen)


def columns_value(values: Iterable[str]) -> str:
    """The choice as one value of the URL; empty if it is the usual one."""
    chosen = chosen_columns(values)
    return "" if chosen == list(USUAL) else ",".join([ALWAYS, *chosen])
