"""The form for what an admin may edit of a site."""

from datetime import datetime
from typing import Any

from django import forms

from common.moments import exact
from panel.site_forms import EXPIRY_HELP, OneLineNames, ZoneChoiceField
from panel.zoned_fields import ZonedDateTimeField
from sites.models import Site
from sites.services import EDITABLE


class EditForm(OneLineNames, forms.ModelForm):
    """Only what an admin may edit. The hidden revision tells whether somebody changed the site meanwhile."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    timezone = ZoneChoiceField(label="Time zone")
    license_expires_at = ZonedDateTimeField(label="Licence ends", help_text=EXPIRY_HELP)

    class Meta:
        model = Site
        fields = ["name", "owner_name", "contact_email", "timezone", "license_expires_at", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = {name: getattr(self.instance, name) for name in (*EDITABLE, "revision")}
        self.initial["revision"] = self.stored["revision"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("revision") not in (None, self.stored["revision"]):
            self.say_what_changed()
        return cleaned

    def say_what_changed(self) -> None:
        """Somebody else saved first: keep what was typed, show what stands now, and let the person decide."""
        # The next attempt starts from what this page now shows.
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_prefix("revision")] = str(self.stored["revision"])
        self.data = data
        for name in self.changed_data:
            if name in EDITABLE:
                self.add_error(name, f"Stored now: {readable(self.stored[name])}")
        self.add_error(
            None,
            "This site was changed while you had the page open. Nothing was saved. Look at the values that are stored"
            " now, and save again if yours shall replace them.",
        )


def readable(value: Any) -> Any:
    return exact(value) if isinstance(value, datetime) else value
