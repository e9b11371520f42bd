"""Editing the notes of a firmware."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone

from common.errors import DomainError
from fleet.firmware import services
from fleet.firmware.errors import FirmwareChanged
from fleet.firmware.limits import MAX_NOTES_LENGTH
from fleet.firmware.models import Firmware
from panel.fleet.firmware.views import OneFirmwareView
from panel.fleet.views import FleetFormView
from panel.sites.forms import validate_lines

STALE = (
    "This firmware was changed while you had the page open. Nothing was saved yet. Check your notes, then save again."
)


class NotesForm(forms.Form):
    revision = forms.IntegerField(widget=forms.HiddenInput)
    notes = forms.CharField(
        max_length=MAX_NOTES_LENGTH,
        required=False,
        validators=[validate_lines],
        widget=forms.Textarea({"rows": 10, "cols": 80, "class": "vLargeTextField"}),
        help_text="What is new, and what to look out for. Devices do not get it.",
    )


class NotesView(FleetFormView, OneFirmwareView):
    permission_required = "firmware.change_firmware"
    form_class = NotesForm
    template_name = "panel/fleet/firmware/notes.html"

    def get_initial(self) -> dict[str, Any]:
        return {"notes": self.firmware.notes, "revision": self.firmware.revision}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        titles = {"title": f"Notes: {self.firmware}", "page_title": f"Notes · {self.firmware}"}
        return super().get_context_data(**{**titles, **kwargs})

    def form_valid(self, form: NotesForm) -> HttpResponse:
        try:
            services.update_firmware(
                self.kwargs["firmware_id"],
                {"notes": form.cleaned_data["notes"].replace("\r\n", "\n")},
                by=self.by,
                at=timezone.now(),
                expected_revisions={form.cleaned_data["revision"]},
            )
        except FirmwareChanged:
            return self.is_stale()
        except DomainError as error:
            form.add_error("notes", error.detail)
            return self.form_invalid(form)
        messages.success(self.request, f"Saved: notes of {self.firmware}.")
        return self.to_its_page()

    def is_stale(self) -> HttpResponse:
        """The form with the entries and the present revision, beside what is stored now."""
        stored = Firmware.objects.get(pk=self.kwargs["firmware_id"])
        given = self.request.POST.copy()
        given["revision"] = str(stored.revision)
        form = NotesForm(given)
        form.add_error(None, STALE)
        return self.render_to_response(self.get_context_data(form=form, stored_notes=stored.notes))
