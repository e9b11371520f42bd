"""The rows of the list of sites. Django's own tag looks up for each cell what kind of column it is in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """`checkbox` is empty if the person may run no action; `others` are pairs of a column's name and what it shows."""

    pk: Any
    checkbox: str
    url: str
    name: str
    tags: list[str]
    others: list[tuple[str, Any]]


def rows_of(changelist: Any) -> Iterator[Row]:
    admin: Any = changelist.model_admin
    shown = [str(name) for name in changelist.list_display if name not in changelist.hidden_columns]
    columns = {name: getattr(admin, name) for name in shown}
    checkbox = columns.pop("action_checkbox", None)
    name = columns.pop("shown_name")
    # The page of a site leads back to the list with its filters.
    filters = f"?{changelist.preserved_filters}" if changelist.preserved_filters else ""
    for site in changelist.result_list:
        yield Row(
            pk=site.pk,
            checkbox=checkbox(site) if checkbox else "",
            url=changelist.url_for_result(site) + filters,
            name=name(site),
            tags=[tag.name for tag in site.tags.all()],
            others=[(column, show(site)) for column, show in columns.items()],
        )
