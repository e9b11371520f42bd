"""Every change of a site's state: one function each, called by the API, the panel and the commands.

`by` is the actor and `at` the moment of the change. Each function that changes an existing site locks its row first, so that
the second of two admins sees what the first one did; it writes only the columns that it changes, and records one event in the
same transaction, unless there is nothing to change.
"""

from sites.services.keys import Rotation, move_to_current_pepper, retire_older_keys, rotate_key
from sites.services.notes import add_note
from sites.services.organizations import create_organization, searchable_organization, update_organization
from sites.services.rows import (
    CHANNEL,
    MAX_LOST_REVISIONS,
    Expected,
    highest_believed_revision,
    newer_revision,
    printable,
    record,
    refuse_if_changed,
    row_for_update,
    save_fields,
    site_for_update,
)
from sites.services.sites import (
    EDITABLE,
    Registration,
    activate_site,
    confirm_site,
    deactivate_site,
    deregister_site,
    digits_of,
    extend_license,
    extended_end,
    lock_site,
    register_site,
    restore_site,
    searchable,
    set_license_expiry,
    unlock_site,
    update_site,
)
from sites.services.tags import add_tags, remove_tags

__all__ = [
    "CHANNEL",
    "EDITABLE",
    "MAX_LOST_REVISIONS",
    "Expected",
    "Registration",
    "Rotation",
    "activate_site",
    "add_note",
    "add_tags",
    "confirm_site",
    "create_organization",
    "deactivate_site",
    "deregister_site",
    "digits_of",
    "extend_license",
    "extended_end",
    "highest_believed_revision",
    "lock_site",
    "move_to_current_pepper",
    "newer_revision",
    "printable",
    "record",
    "refuse_if_changed",
    "register_site",
    "remove_tags",
    "restore_site",
    "retire_older_keys",
    "rotate_key",
    "row_for_update",
    "save_fields",
    "searchable",
    "searchable_organization",
    "set_license_expiry",
    "site_for_update",
    "unlock_site",
    "update_organization",
    "update_site",
]
