from django import forms
from django.conf import settings

from documents.files.content import ACCEPTED, TYPES
from documents.models import FileKind
from sites.limits import MAX_REASON_LENGTH
from sites.validation import RULES


class FileForm(forms.Form):
    """`complete` is the last field of the form: it is missing if the connection ended before all bytes had come."""

    max_bytes = property(lambda self: settings.FILE_MAX_BYTES)
    kind = forms.ChoiceField(choices=FileKind.choices)
    file = forms.FileField(
        widget=forms.FileInput({"accept": ",".join(sorted(TYPES))}),
        help_text=ACCEPTED,
        error_messages={"required": "Choose a file first."},
    )
    complete = forms.CharField(
        widget=forms.HiddenInput,
        initial="yes",
        error_messages={"required": "The upload was cut short. Nothing was stored; try again."},
    )


class DeleteFileForm(forms.Form):
    reason = forms.CharField(
        max_length=MAX_REASON_LENGTH,
        widget=forms.Textarea({"rows": 3}),
        help_text="Stays in the history of the site.",
    )

    def clean_reason(self) -> str:
        return str(RULES["reason"](self.cleaned_data["reason"]))
