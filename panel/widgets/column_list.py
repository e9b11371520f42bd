"""A list whose order is by one column at a time, and whose optional columns are chosen in the URL."""

from typing import Any

from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.views.main import ORDER_VAR, ChangeList

from panel.widgets.column_choice import COLUMNS, ColumnChoice

TRIAGE = "triage"


class ColumnList(ChangeList):
    """Columns are ordered by names of orders, not by lookups: a subclass finds the rows. The usual order is TRIAGE."""

    column_choice: ColumnChoice

    # --- The columns: their numbers in the order stay the same whichever are shown ---

    @property
    def hidden_columns(self) -> frozenset[str]:
        return self.column_choice.hidden(self.filter_params.get(COLUMNS, []))

    def optional_columns(self) -> list[tuple[str, str, bool]]:
        """Name in the URL, label, and whether it is shown."""
        return [
            (name, getattr(self.model_admin, method).short_description, method not in self.hidden_columns)
            for name, method in self.column_choice.optional.items()
        ]

    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        found.pop(COLUMNS, None)
        return found

    def headers(self) -> list[dict[str, Any]]:
        headers = zip(self.list_display, result_headers(self), strict=True)
        return [header for column, header in headers if column not in self.hidden_columns]

    # --- The order ---

    def order(self) -> str:
        return str(self.get_ordering_field(self.list_display[self.sorted_column()[0]]))

    def sorted_column(self) -> tuple[int, str]:
        """Its index, and "-" if it is reversed; the column of triage if the URL names none."""
        _, sign, given = first_part(self.params.get(ORDER_VAR, "")).rpartition("-")
        orders = [self.get_ordering_field(name) for name in self.list_display]
        sortable = [number for number, order in enumerate(orders) if order]
        chosen = [number for number in sortable if str(number + self.shift) == given]
        return (chosen[0], sign) if chosen else (orders.index(TRIAGE), "")

    def get_ordering_field_columns(self) -> Any:
        index, sign = self.sorted_column()
        return {index: "desc" if sign else "asc"}

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        if new_params and new_params.get(ORDER_VAR):
            _, sign, number = first_part(new_params[ORDER_VAR]).rpartition("-")
            new_params = {**new_params, ORDER_VAR: f"{sign}{int(number) + self.shift}"}
        return super().get_query_string(new_params, remove)

    @property
    def shift(self) -> int:
        """Added to the number of a column in a URL, so that a link means the same with and without the column of checkboxes."""
        return 0 if "action_checkbox" in self.list_display else 1


def first_part(order: str) -> str:
    return order.partition(".")[0]
