"""The form of the notices to restaurants."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget

from alerts.customer_notices import words
from alerts.models.customer_notices import MAX_SUBJECT_LENGTH, STAGES
from sites.limits import MAX_SEARCH_LENGTH

DAYS = [(stage, f"{stage} days before the end" if stage > 1 else "1 day before the end") for stage in STAGES]


class NoticesForm(forms.Form):
    """The words are checked as they are when they are saved. The hidden revision says which ones the page showed."""

    is_enabled = forms.BooleanField(required=False, label="Send the notices")
    subject = forms.CharField(
        widget=AdminTextInputWidget({"class": "vLargeTextField", "maxlength": MAX_SUBJECT_LENGTH})
    )
    text = forms.CharField(widget=AdminTextareaWidget({"rows": 14}), strip=False)
    preview_site = forms.CharField(
        required=False,
        max_length=MAX_SEARCH_LENGTH,
        label="Preview with the site",
        widget=AdminTextInputWidget,
        help_text="A part of its name, owner, e-mail or id. Leave empty for the site whose licence ends next.",
    )
    preview_stage = forms.TypedChoiceField(choices=DAYS, coerce=int, label="Preview the notice")
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, may_enable: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_enabled"].disabled = not may_enable

    def clean_subject(self) -> str:
        return words.clean_subject(self.cleaned_data["subject"])

    def clean_text(self) -> str:
        return words.clean_body(self.cleaned_data["text"])
