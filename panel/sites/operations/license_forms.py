"""The forms that give a licence another end. The page shows the new end of each licence before the form is confirmed."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict

from panel.sites.forms import EXPIRY_HELP
from panel.sites.operations.expected_results import ExpectedResult, ResultKind, expect_new_expiry, refused
from panel.sites.operations.forms import HISTORY_ONLY, OperationForm, optional_note, text_field
from panel.widgets.names import join_names
from panel.widgets.times import in_zone, local
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.errors import InvalidExtension
from sites.limits import MAX_EXTENSION_DAYS
from sites.models import Site
from sites.services import extended_end

# The page has a button for each.
USUAL_DAYS = (30, 90, 365)


def entries_to_preview(posted: QueryDict) -> QueryDict:
    """The entries of a form sent by a button named `preview`, whose value is a number of days, or empty for what was typed."""
    days = posted.get("preview")
    if not days:
        return posted
    entries = posted.copy()
    entries["days"] = days
    entries["until_0"] = entries["until_1"] = ""
    return entries


class ExtendForm(OperationForm):
    has_preview = True

    days = forms.IntegerField(
        min_value=1,
        max_value=MAX_EXTENSION_DAYS,
        required=False,
        help_text="Added to the current end, or to now if it has passed.",
    )
    until = ZonedDateTimeField(required=False, help_text="Or a date and time later than the current end.")
    note = optional_note()
    # The entries for which the page has shown the new ends.
    shown_extension = forms.CharField(required=False, widget=forms.HiddenInput)
    shown_at = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        self.is_preview = data is not None and "preview" in data
        super().__init__(entries_to_preview(data) if self.is_preview else data, **kwargs)
        # What was entered, if that is one of the two; also if it is refused for one of the sites.
        self.extension: dict[str, Any] = {}

    @property
    def usual_extensions(self) -> list[tuple[int, str]]:
        """Numbers of days, each with the new end if there is only one site."""
        return [(days, self.usual_end(days)) for days in USUAL_DAYS]

    def usual_end(self, days: int) -> str:
        if len(self.sites) > 1:
            return ""
        try:
            return self.end_words(self.sites[0], days=days, until=None)
        except InvalidExtension:
            return "not possible"

    def end_words(self, site: Site, *, days: int | None, until: datetime | None) -> str:
        """Without the time of day if the days count from now, which will be the time at which the form is confirmed."""
        end = extended_end(site.license_expires_at, at=self.at, days=days, until=until)
        return f"{local(end):%Y-%m-%d}" if days is not None and self.has_ended(site) else in_zone(end)

    def has_ended(self, site: Site) -> bool:
        return site.license_expires_at <= self.at

    def detailed(self, expected: ExpectedResult, site: Site) -> ExpectedResult:
        if expected.kind != ResultKind.WILL_CHANGE or not self.extension:
            return expected
        try:
            return expect_new_expiry(site, self.at, self.end_words(site, **self.extension))
        except InvalidExtension:
            ends = in_zone(site.license_expires_at)
            return refused(f"Already ends {ends}" if self.extension["until"] else f"Ends {ends}: too many days")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"days", "until"} & set(self.errors):
            return cleaned
        if (cleaned.get("days") is None) == (cleaned.get("until") is None):
            raise forms.ValidationError("Enter days or a date, not both.")
        self.extension = {"days": cleaned.get("days"), "until": cleaned.get("until")}
        self.check_any_end(**self.extension)
        self.check_shown()
        return cleaned

    def check_shown(self) -> None:
        """Refuse entries whose new ends the page has not shown, or that it would show differently now, and show them."""
        extension = "/".join(str(value or "") for value in self.extension.values())
        shown_at: datetime | None = self.cleaned_data.get("shown_at")
        is_shown = self.cleaned_data.get("shown_extension") == extension
        if not self.is_preview and not (is_shown and shown_at and self.is_same_now(shown_at)):
            self.add_error(None, "Check the new date and send again.")
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data["shown_extension"], data["shown_at"] = extension, self.at.isoformat()
        self.data = data

    def is_same_now(self, shown_at: datetime) -> bool:
        """Whether no licence and no day has ended since then from which the days count now.

        A licence that another person has changed is found by its shown values (`run_once`).
        """
        if self.extension["days"] is None:
            return True
        is_other_day = local(shown_at).date() != local(self.at).date()
        return not any(
            self.has_ended(site) and (is_other_day or site.license_expires_at > shown_at)
            for site in self.registered_sites
        )

    def check_any_end(self, **extension: Any) -> None:
        """Refuse the form if no licence can be extended. If some can, the page shows which ones will be refused."""
        refusal = None
        for site in self.registered_sites:
            try:
                extended_end(site.license_expires_at, at=self.at, **extension)
            except InvalidExtension as error:
                refusal = error
            else:
                return
        if refusal:
            self.add_error(refusal.field, self.too_early() if extension["until"] else refusal.detail)

    def too_early(self) -> str:
        last = max(site.license_expires_at for site in self.registered_sites)
        if len(self.registered_sites) == 1:
            return f"Must be later than the current end, {in_zone(last)}."
        return f"All these licences end later than that; the last one ends {in_zone(last)}."


class SetExpiryForm(OperationForm):
    license_expires_at = ZonedDateTimeField(label="Licence ends", help_text=EXPIRY_HELP)
    reason = text_field(
        required=False, help_text=f"Required if a licence will end earlier than it does now. {HISTORY_ONLY}"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(self.sites) == 1:
            self.initial["license_expires_at"] = self.sites[0].license_expires_at

    def detailed(self, expected: ExpectedResult, site: Site) -> ExpectedResult:
        new_end: datetime | None = self.cleaned_data.get("license_expires_at") if self.is_bound else None
        if new_end is None or expected.kind != ResultKind.WILL_CHANGE:
            return expected
        return expect_new_expiry(site, self.at, in_zone(new_end))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        end = cleaned.get("license_expires_at")
        self.ends_licenses = end is not None and end <= self.at
        if not end or cleaned.get("reason") or "reason" in self.errors:
            return cleaned
        # Without fractions of a second, which the form does not have.
        if shortened := [
            site.name for site in self.registered_sites if end < site.license_expires_at.replace(microsecond=0)
        ]:
            self.add_error(
                "reason", f"Enter a reason: the licence of {join_names(shortened)} will end earlier than it does now."
            )
        elif self.ends_licenses:
            self.add_error("reason", "Enter a reason: this time has passed, so there will be no licence.")
        return cleaned
