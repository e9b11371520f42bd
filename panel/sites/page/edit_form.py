"""The form for what an admin may edit of a site.

The end of the licence and `is_active` are not in it: they change only by operations, which ask for a reason before a licence
is taken away (decision 48).
"""

import copy
from typing import Any

from django.contrib.admin.widgets import AdminEmailInputWidget, AdminTextInputWidget

from panel.organizations.field import OrganizationField
from panel.sites.forms import PHONE_INPUT, OneLineNames
from panel.sites.page.stale_form import StaleAwareForm
from panel.widgets.zone_field import ZoneField
from sites.models import Site


class EditForm(OneLineNames, StaleAwareForm):
    timezone = ZoneField(label="Time zone")
    organization_id = OrganizationField()

    class Meta:
        model = Site
        fields = ["name", "owner_name", "contact_email", "contact_phone", "timezone"]
        labels = {"owner_name": "Owner", "contact_email": "E-mail"}
        widgets = {
            "name": AdminTextInputWidget,
            "owner_name": AdminTextInputWidget,
            "contact_email": AdminEmailInputWidget,
            "contact_phone": PHONE_INPUT,
        }

    def __init__(self, *args: Any, instance: Site, **kwargs: Any) -> None:
        # A copy, because cleaning writes to it and the page around the form shows the stored values.
        super().__init__(*args, instance=copy.copy(instance), **kwargs)
        self.initial["organization_id"] = instance.organization_id or ""
