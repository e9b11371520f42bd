"""What happens when a site's form is stale: when the site was changed after the form was opened.

The form holds the revision that the site had when the page was opened, in the hidden field `revision`. If the site has
another revision when the form is sent, nothing is saved; the page shows what changed since then and asks to save again. For
each field that somebody else changed and that now differs from the form, it asks which value to keep, and selects the stored
one if this person did not type another value. The answers count only if the hidden field `seen` names the revision that is
still stored, so that a person never overwrites a change that the page has not shown. The row of the site is locked from the
comparison until the changes are written (`SitePageView.post`), and a field without a conflict needs no answer.

If the site was deregistered since, `SitePageView.post` saves nothing and says so.
"""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.safestring import SafeString

from audit.models import Event
from panel.events.timeline import Entry, entry, from_event, readable, timeline
from sites.events import RAISE_THE_REVISION, SITE
from sites.models import Organization, Site
from sites.services import EDITABLE

MAX_CHANGES = 50
MINE, STORED = "mine", "stored"
STALE = "This site was changed while you had the page open. Nothing was saved yet. Check the changes below, then save again."
CHOOSE = "Choose which value to keep."


@dataclass(frozen=True)
class FieldChange:
    """The value of a field when the form was opened, and the newest event that changed it since."""

    opened_value: Any
    event: Event


@dataclass(frozen=True)
class ChangesSince:
    """`events` are the newest first; `is_complete` tells whether these are all since the form was opened."""

    events: list[Event]
    is_complete: bool

    @property
    def entries(self) -> list[Entry]:
        return timeline(self.events)

    def by_field(self) -> dict[str, FieldChange]:
        """Of each changed field the newest event, and the value from before the oldest event: the form was opened with it."""
        changes: dict[str, FieldChange] = {}
        for event in self.events:
            for recorded, (before, _) in event.changes.items():
                name, opened_value = field_of_event(recorded, before)
                newest = changes[name].event if name in changes else event
                changes[name] = FieldChange(opened_value, newest)
        return changes


def field_of_event(recorded: str, value: Any) -> tuple[str, Any]:
    """The field of EDITABLE, and the value that it had. An event names an organization by the slug of that time."""
    if recorded != "organization":
        return recorded, from_event(recorded, value)
    return "organization_id", Organization.objects.filter(slug=value).values_list("pk", flat=True).first()


def readable_value(name: str, value: Any) -> str | SafeString:
    if name != "organization_id":
        return readable(name, value)
    return readable(name, Organization.objects.filter(pk=value).values_list("slug", flat=True).first())


def changes_since(site: Site, opened_revision: int) -> ChangesSince:
    """The events since that revision: each of RAISE_THE_REVISION raises it by one, and no other event counts."""
    number = site.revision - opened_revision
    events = Event.objects.of(SITE, site.pk).filter(action__in=RAISE_THE_REVISION).newest_first()
    newest = list(events[: min(number, MAX_CHANGES)]) if number > 0 else []
    return ChangesSince(newest, is_complete=len(newest) == number and opened_revision > 0)


@dataclass(frozen=True)
class FieldConflict:
    """A field that somebody else changed and whose stored value differs from the form's.

    `was_typed` tells whether this person typed the form's value; `choice` is MINE, STORED, or "" until the person decides.
    """

    field: Any
    stored: Any
    was_typed: bool
    choice: str
    changed_by: Entry | None


class StaleAwareForm(forms.ModelForm):
    """A form for a site that finds conflicts when it is cleaned; see the module's docstring."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = {name: getattr(self.instance, name) for name in (*EDITABLE, "revision")}
        self.initial["revision"] = self.stored["revision"]
        self.changes_since: ChangesSince | None = None
        self.conflicts: dict[str, FieldConflict] = {}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        opened_revision = cleaned.get("revision")
        if opened_revision not in (None, self.stored["revision"]):
            self.changes_since = changes_since(self.instance, opened_revision)
            self.find_conflicts(self.changes_since)
            if not self.has_seen_all:
                self.add_error(None, STALE)
            elif any(not conflict.choice for conflict in self.conflicts.values()):
                self.add_error(None, CHOOSE)
        return cleaned

    def find_conflicts(self, since: ChangesSince) -> None:
        """Fill `conflicts`. A field takes the stored value if that is chosen, or if this person did not type another value."""
        changes = since.by_field()
        for name in self.editable:
            if name not in changes and since.is_complete:
                continue
            typed, stored, change = self.cleaned_data.get(name), self.stored[name], changes.get(name)
            is_valid = name not in self.errors
            if is_valid and typed == stored:
                continue
            was_typed = not is_valid or change is None or typed != change.opened_value
            choice = self.choice_for(name) or ("" if was_typed else STORED)
            if choice == STORED:
                self.errors.pop(name, None)
                self.cleaned_data[name] = stored
            changed_by = entry(change.event) if change else None
            self.conflicts[name] = FieldConflict(
                self[name], readable_value(name, stored), was_typed, choice, changed_by
            )

    def choice_for(self, name: str) -> str:
        choice = self.data.get(f"take_{name}") if self.has_seen_all else None
        return choice if choice in (MINE, STORED) else ""

    @property
    def has_seen_all(self) -> bool:
        return bool(self.data.get("seen") == str(self.stored["revision"]))

    @property
    def editable(self) -> list[str]:
        return [name for name in EDITABLE if name in self.fields]

    @property
    def fields_without_conflict(self) -> list[Any]:
        return [self[name] for name in self.editable if name not in self.conflicts]

    @property
    def values_to_write(self) -> dict[str, Any]:
        """The fields whose values differ from the stored ones, once the form is valid."""
        cleaned = self.cleaned_data
        # A page of the previous release has no input for the phone, and must not clear it.
        sent = [name for name in self.editable if self.fields[name].required or self.add_prefix(name) in self.data]
        return {name: cleaned[name] for name in sent if cleaned[name] != self.stored[name]}
