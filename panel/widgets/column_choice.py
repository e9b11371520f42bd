"""Which columns of a list a person sees. The choice is in the URL, so that a link and a saved view have it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

COLUMNS = "columns"
ALWAYS = "state"  # in the URL of a list that shows nothing else


@dataclass(frozen=True)
class ColumnChoice:
    """`optional` are the methods of the columns by their names in the URL; without a choice `usual` are shown."""

    optional: Mapping[str, str]
    usual: tuple[str, ...]

    def chosen(self, values: Iterable[str]) -> list[str]:
        """The names in `optional`, in its order, of `?columns=end,seen` or `?columns=end&columns=seen`."""
        given = {name for value in values for name in value.split(",")} - {""}
        return [name for name in self.optional if name in given] if given else list(self.usual)

    def hidden(self, values: Iterable[str]) -> frozenset[str]:
        """The methods of the columns that are not shown."""
        chosen = self.chosen(values)
        return frozenset(method for name, method in self.optional.items() if name not in chosen)

    def as_value(self, values: Iterable[str]) -> str:
        """The choice as one value of the URL; empty if it is the usual one."""
        chosen = self.chosen(values)
        return "" if chosen == list(self.usual) else ",".join([ALWAYS, *chosen])
