"""The form for what an admin may edit of a site."""

import copy
from typing import Any

from django.contrib.admin.widgets import AdminEmailInputWidget, AdminTextInputWidget

from panel.sites.forms import EXPIRY_HELP, OneLineNames, ZoneChoiceField
from panel.sites.page.stale_form import StaleAwareForm
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.models import Site

# Fields that need a permission besides `sites.change_site`.
FIELD_PERMISSIONS = {"license_expires_at": "sites.set_license_expiry", "is_active": "sites.deactivate_site"}


class EditForm(OneLineNames, StaleAwareForm):
    """Holds only the fields that `user` may edit."""

    timezone = ZoneChoiceField(label="Time zone")
    license_expires_at = ZonedDateTimeField(label="Licence ends", help_text=EXPIRY_HELP)

    class Meta:
        model = Site
        fields = ["name", "owner_name", "contact_email", "timezone", "license_expires_at", "is_active"]
        widgets = {
            "name": AdminTextInputWidget,
            "owner_name": AdminTextInputWidget,
            "contact_email": AdminEmailInputWidget,
        }

    def __init__(self, *args: Any, instance: Site, user: Any, **kwargs: Any) -> None:
        # A copy, because cleaning writes to it and the page around the form shows the stored values.
        super().__init__(*args, instance=copy.copy(instance), **kwargs)
        for name, permission in FIELD_PERMISSIONS.items():
            if not user.has_perm(permission):
                del self.fields[name]
