import uuid

from django import forms

from documents.shares.limits import DEFAULT_DAYS, MAX_DAYS, MAX_NOTE_LENGTH


class NewLinkForm(forms.Form):
    """The hidden id makes a form that is sent twice one link."""

    link_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    expires_in_days = forms.IntegerField(
        min_value=1,
        max_value=MAX_DAYS,
        initial=DEFAULT_DAYS,
        label="Works for (days)",
        help_text="1 to 365. You can revoke the link before.",
    )
    note = forms.CharField(
        max_length=MAX_NOTE_LENGTH,
        required=False,
        label="Note",
        widget=forms.TextInput({"size": 40}),
        help_text="Who gets the link, for your colleagues. The page does not show it.",
    )
