"""The forms for a new site and for a new key."""

import uuid
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminEmailInputWidget, AdminTextInputWidget
from django.utils.timezone import get_current_timezone_name

from panel.organizations.field import OrganizationField
from panel.sites.forms import EXPIRY_HELP, PHONE_INPUT, OneLineNames
from panel.widgets.zone_field import ZoneField
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.limits import DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS
from sites.models import Site


class RegisterForm(OneLineNames, forms.ModelForm):
    """A new site. The hidden id makes a form that is sent twice one registration."""

    site_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    timezone = ZoneField(initial=get_current_timezone_name, label="Time zone")
    license_expires_at = ZonedDateTimeField(
        required=False,
        label="Licence ends",
        help_text=f"{EXPIRY_HELP} Leave empty for one year from now.",
    )
    organization_id = OrganizationField()

    class Meta:
        model = Site
        fields = ["name", "owner_name", "contact_email", "contact_phone", "timezone", "license_expires_at"]
        labels = {"owner_name": "Owner", "contact_email": "E-mail"}
        widgets = {
            "name": AdminTextInputWidget,
            "owner_name": AdminTextInputWidget,
            "contact_email": AdminEmailInputWidget,
            "contact_phone": PHONE_INPUT,
        }


class RotateKeyForm(forms.Form):
    """The hidden revision makes a form that is sent twice one rotation."""

    overlap_hours = forms.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP_HOURS,
        initial=DEFAULT_OVERLAP_HOURS,
        label="Keep the old key working for (hours)",
        help_text="0 ends it at once: for a key that leaked.",
    )
    end_at_once = forms.BooleanField(
        required=False,
        label="End the old key at once",
        help_text="Only with 0 hours. The site's server is refused until it has the new key.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        hours, end_at_once = cleaned.get("overlap_hours"), cleaned.get("end_at_once")
        if hours == 0 and not end_at_once:
            self.add_error("end_at_once", "Tick this box to end the old key at once.")
        if hours and end_at_once:
            self.add_error("overlap_hours", "Enter 0 to end the old key at once.")
        return cleaned
