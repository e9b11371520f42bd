import uuid

from django import forms

from fleet.devices.limits import DEFAULT_CODE_HOURS, DEFAULT_CODE_USES, MAX_CODE_HOURS, MAX_CODE_USES


class NewCodeForm(forms.Form):
    """The hidden id makes a form that is sent twice one code."""

    code_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    uses = forms.IntegerField(
        min_value=1,
        max_value=MAX_CODE_USES,
        initial=DEFAULT_CODE_USES,
        label="Devices",
        help_text="How many devices can register with this code.",
    )
    expires_in_hours = forms.IntegerField(
        min_value=1,
        max_value=MAX_CODE_HOURS,
        initial=DEFAULT_CODE_HOURS,
        label="Usable for (hours)",
        help_text="Afterwards it is refused; the devices that have used it stay.",
    )
