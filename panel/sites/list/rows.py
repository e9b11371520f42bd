"""The rows of the list of sites. Django's own tag looks up for each cell what kind of column it is in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ChangeList


@dataclass(frozen=True)
class Row:
    """`checkbox` is empty if the person may run no action; `others` are pairs of a column's name and what it shows."""

    pk: Any
    checkbox: str
    url: str
    name: str
    others: list[tuple[str, Any]]


def rows_of(changelist: ChangeList) -> Iterator[Row]:
    admin: Any = changelist.model_admin
    columns = {str(name): getattr(admin, str(name)) for name in changelist.list_display}
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
            others=[(column, show(site)) for column, show in columns.items()],
        )
