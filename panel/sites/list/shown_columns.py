"""Which columns of the list of sites a person sees: besides the site itself and its state, which are always shown."""

from panel.widgets.column_choice import ALWAYS, COLUMNS, ColumnChoice

CHOICE = ColumnChoice(
    optional={
        "end": "shown_end",
        "seen": "shown_seen",
        "version": "shown_version",
        "week": "shown_week",
        "receipt": "shown_receipt",
        "organization": "shown_organization",
    },
    usual=("end", "seen", "version", "week"),
)
columns_value = CHOICE.as_value

__all__ = ["ALWAYS", "CHOICE", "COLUMNS", "columns_value"]
