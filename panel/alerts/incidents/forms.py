from django import forms

from panel.sites.forms import validate_lines
from sites.limits import MAX_REASON_LENGTH


class AcknowledgeForm(forms.Form):
    note = forms.CharField(
        required=False,
        max_length=MAX_REASON_LENGTH,
        validators=[validate_lines],
        widget=forms.Textarea({"rows": 3, "maxlength": MAX_REASON_LENGTH}),
        help_text="Colleagues and channels see who has acknowledged it; the note is in the panel only.",
    )
