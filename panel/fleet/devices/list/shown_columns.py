"""Which columns of the list of devices a person sees: besides the device itself and its state, which are always shown."""

from panel.widgets.column_choice import ColumnChoice

CHOICE = ColumnChoice(
    optional={
        "site": "shown_site",
        "role": "shown_role",
        "firmware": "shown_firmware",
        "seen": "shown_seen",
        "hardware": "shown_hardware",
        "running": "shown_running",
        "organization": "shown_organization",
    },
    usual=("site", "role", "firmware", "seen"),
)
