"""The form of a channel. `alerts.channels.services` has the rules; the form reads what a browser sends."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.utils.timezone import get_current_timezone_name

from alerts.channels.urls import MAX_URL_LENGTH
from alerts.kinds import Kind, Severity
from alerts.models import AlertChannel
from alerts.models.channels import MAX_CHANNEL_NAME_LENGTH
from panel.alerts.channels.health import SEVERITY_WORDS
from panel.sites.forms import validate_one_line
from panel.widgets.zone_field import ZoneField

ADDRESS_HELP = "An e-mail address, the URL of a webhook or of Slack's incoming webhook, or PagerDuty's routing key."


class ChannelForm(forms.Form):
    """`facts` are what the services take."""

    kind = forms.ChoiceField(choices=AlertChannel.Kind.choices, label="Kind")
    name = forms.CharField(
        max_length=MAX_CHANNEL_NAME_LENGTH, validators=[validate_one_line], widget=AdminTextInputWidget
    )
    address = forms.CharField(
        max_length=MAX_URL_LENGTH,
        widget=AdminTextInputWidget({"autocomplete": "off", "spellcheck": "false"}),
        help_text=ADDRESS_HELP,
    )
    min_severity = forms.ChoiceField(
        choices=[(severity, SEVERITY_WORDS[severity].capitalize()) for severity in Severity], label="Tell"
    )
    kinds = forms.MultipleChoiceField(
        choices=[(kind, kind.label.capitalize()) for kind in Kind],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Only these kinds",
        help_text="Select none for all kinds.",
    )
    quiet_from = forms.TimeField(required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M"))
    quiet_until = forms.TimeField(
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text="All but critical incidents wait until the quiet hours end. Leave both empty for no quiet hours.",
    )
    timezone = ZoneField(initial=get_current_timezone_name, label="Time zone of the quiet hours")

    @property
    def facts(self) -> dict[str, Any]:
        given = {name: value for name, value in self.cleaned_data.items() if name != "kind"}
        return {**given, "kinds": given["kinds"] or None}


class ChangeChannelForm(ChannelForm):
    """Without the kind, which stays. An empty address keeps the present one, which is never shown as a whole."""

    kind = None  # type: ignore[assignment]

    def __init__(self, *args: Any, channel: AlertChannel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].required = False
        self.fields["address"].help_text = f"Leave empty to keep {channel.shown_address}."

    @property
    def facts(self) -> dict[str, Any]:
        facts = super().facts
        if not facts["address"]:
            del facts["address"]
        return facts


def present_values(channel: AlertChannel) -> dict[str, Any]:
    """What the form begins with."""
    names = ("name", "min_severity", "kinds", "quiet_from", "quiet_until", "timezone")
    return {name: getattr(channel, name) for name in names}
