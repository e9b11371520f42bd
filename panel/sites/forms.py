"""The forms of the sites' admin pages. They read what a person typed; services decide what comes of it."""

import uuid
from typing import Any

from django import forms
from django.utils.timezone import get_current_timezone_name

from common.instants import known_zones
from common.values import refuse_control_characters
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.limits import DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS
from sites.models import Site

EXPIRY_HELP = "A licence ends at this very second."


def one_line(text: str) -> None:
    refuse_control_characters(text)


def lines(text: str) -> None:
    refuse_control_characters(text, multiline=True)


class OneLineNames:
    """The API's rule for names, for forms that take theirs from the model."""

    def clean_name(self) -> str:
        return self.one_line_of("name")

    def clean_owner_name(self) -> str:
        return self.one_line_of("owner_name")

    def clean_contact_email(self) -> str:
        return self.one_line_of("contact_email")

    def one_line_of(self, field: str) -> str:
        text: str = self.cleaned_data[field]  # type: ignore[attr-defined]
        one_line(text)
        return text


class ZoneChoiceField(forms.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=lambda: [(zone, zone) for zone in sorted(known_zones())], **kwargs)


class RegisterForm(OneLineNames, forms.ModelForm):
    """A new site. The hidden id makes a form that is sent twice one registration."""

    site_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    timezone = ZoneChoiceField(initial=get_current_timezone_name, label="Time zone")
    license_expires_at = ZonedDateTimeField(
        required=False,
        label="Licence ends",
        help_text=f"{EXPIRY_HELP} A year from now when left empty.",
    )

    class Meta:
        model = Site
        fields = ["name", "owner_name", "contact_email", "timezone", "license_expires_at"]


class RotateForm(forms.Form):
    overlap_hours = forms.IntegerField(
        min_value=0,
        max_value=MAX_OVERLAP_HOURS,
        initial=DEFAULT_OVERLAP_HOURS,
        help_text="How long the old key works on, in hours. 0 ends it at once: for a key that leaked.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
