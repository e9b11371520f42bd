"""The form for what an admin may edit of a site. Somebody else's changes since it was opened are never overwritten unseen."""

import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms

from panel.events.timeline import Entry, entry, readable
from panel.sites.forms import EXPIRY_HELP, OneLineNames, ZoneChoiceField
from panel.sites.page.changes_since import ChangeOfField, Meanwhile, changes_since
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.models import Site
from sites.services import EDITABLE

MINE, STORED = "mine", "stored"
CHANGED = (
    "This site was changed while you had the page open. Nothing was saved yet: look at what changed, then save again."
)
CHOOSE = "Choose which value to keep."


@dataclass(frozen=True)
class Conflict:
    """A field that stands otherwise in the form than in the database, and that somebody else changed.

    `choice` is what the person takes, "" while they have to decide.
    """

    field: Any
    stored: Any
    was_typed: bool
    choice: str
    change: Entry | None


class EditForm(OneLineNames, forms.ModelForm):
    """Only what an admin may edit.

    The hidden `revision` is the one at which the page was opened. Beside it, `seen` names the revision whose changes the
    person was shown since: only what was seen can be decided upon, field by field, by `take_FIELD`.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput)
    timezone = ZoneChoiceField(label="Time zone")
    license_expires_at = ZonedDateTimeField(label="Licence ends", help_text=EXPIRY_HELP)

    class Meta:
        model = Site
        fields = ["name", "owner_name", "contact_email", "timezone", "license_expires_at", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Its own copy: the page around the form shows what is stored, not what was typed.
        kwargs["instance"] = copy.copy(kwargs["instance"])
        super().__init__(*args, **kwargs)
        self.stored = {name: getattr(self.instance, name) for name in (*EDITABLE, "revision")}
        self.initial["revision"] = self.stored["revision"]
        self.meanwhile: Meanwhile | None = None
        self.conflicts: dict[str, Conflict] = {}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        opened = cleaned.get("revision")
        if opened not in (None, self.stored["revision"]):
            self.meanwhile = changes_since(self.instance, opened)
            self.merge(self.meanwhile)
        return cleaned

    def merge(self, meanwhile: Meanwhile) -> None:
        """Take the stored values where the person typed nothing or says so; where both changed something, ask."""
        changed = meanwhile.fields()
        for name in self.editable:
            if name in changed or not meanwhile.is_whole:
                self.settle(name, changed.get(name))
        if not self.has_seen_all:
            self.add_error(None, CHANGED)
        elif any(not conflict.choice for conflict in self.conflicts.values()):
            self.add_error(None, CHOOSE)

    def settle(self, name: str, change: ChangeOfField | None) -> None:
        typed, stored = self.cleaned_data.get(name), self.stored[name]
        if name not in self.errors and same(typed, stored):
            return
        was_typed = name in self.errors or change is None or not same(typed, change.opened)
        choice = self.choice_of(name) or ("" if was_typed else STORED)
        if choice == STORED:
            self.errors.pop(name, None)
            self.cleaned_data[name] = stored
        by = entry(change.event) if change else None
        self.conflicts[name] = Conflict(self[name], readable(name, stored), was_typed, choice, by)

    def choice_of(self, name: str) -> str:
        given = self.data.get(f"take_{name}") if self.has_seen_all else None
        return given if given in (MINE, STORED) else ""

    @property
    def has_seen_all(self) -> bool:
        return bool(self.data.get("seen") == str(self.stored["revision"]))

    @property
    def editable(self) -> list[str]:
        return [name for name in EDITABLE if name in self.fields]

    @property
    def undisputed_fields(self) -> list[Any]:
        return [self[name] for name in self.editable if name not in self.conflicts]

    @property
    def changes(self) -> dict[str, Any]:
        """Of a valid form: what shall be written."""
        cleaned = self.cleaned_data
        return {name: cleaned[name] for name in self.editable if not same(cleaned[name], self.stored[name])}


def same(one: Any, other: Any) -> bool:
    """The form knows no fractions of a second, and must not cut off the stored ones."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one.replace(microsecond=0) == other.replace(microsecond=0)
    return bool(one == other)
