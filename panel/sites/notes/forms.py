"""The form for a note, on the page of a site and on the page with all its notes."""

import uuid
from collections.abc import Callable

from django import forms

from sites.limits import MAX_NOTE_LENGTH
from sites.models import Site
from sites.validation import clean_note_text


class NoteForm(forms.Form):
    """The hidden id makes a form that is sent twice one note."""

    note_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    text = forms.CharField(label="Add a note", widget=forms.Textarea({"rows": 3, "maxlength": MAX_NOTE_LENGTH}))

    def clean_text(self) -> str:
        return clean_note_text(self.cleaned_data["text"])


def note_form_for(site: Site, has_permission: Callable[[str], bool]) -> NoteForm | None:
    """None if this person may not add notes, or the site's personal data was erased."""
    return NoteForm() if has_permission("sites.add_sitenote") and site.erased_at is None else None
