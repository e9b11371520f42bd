"""The forms that give a licence another end. The page shows the new end of each licence before the form is confirmed."""

import hashlib
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict

from panel.sites.forms import EXPIRY_HELP
from panel.sites.operations.expected_results import ExpectedResult, ResultKind, expect_new_expiry, refused
from panel.sites.operations.forms import HISTORY_ONLY, OperationForm, optional_note, text_field
from panel.widgets.names import join_names
from panel.widgets.times import in_zone
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.errors import InvalidExtension
from sites.limits import MAX_EXTENSION_DAYS
from sites.models import Site
from sites.services import extended_end

# The page has a button for each.
USUAL_DAYS = (30, 90, 365)


def entries_to_preview(posted: QueryDict) -> QueryDict:
    """The entries of a form sent by a button named `preview`, whose value is a number of days, or empty for what was typed."""
    entries = posted.copy()
    entries["shown_extension"] = ""
    if days := posted.get("preview"):
        entries["days"] = days
        entries["until_0"] = entries["until_1"] = ""
    return entries


class ExtendForm(OperationForm):
    days = forms.IntegerField(
        min_value=1,
        max_value=MAX_EXTENSION_DAYS,
        required=False,
        help_text="Added to the current end, or to now if it has passed.",
    )
    until = ZonedDateTimeField(required=False, help_text="Or a date and time later than the current end.")
    note = optional_note()
    # The digest of the sites that cannot be extended and the entries for which the page said so.
    left_out_shown = forms.CharField(required=False, widget=forms.HiddenInput)
    # The entries for which the page has shown the new ends.
    shown_extension = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
            return in_zone(extended_end(self.sites[0].license_expires_at, at=self.at, days=days, until=None))
        except InvalidExtension:
            return "not possible"

    def detailed(self, expected: ExpectedResult, site: Site) -> ExpectedResult:
        if expected.kind != ResultKind.WILL_CHANGE or not self.extension:
            return expected
        try:
            new_end = extended_end(site.license_expires_at, at=self.at, **self.extension)
        except InvalidExtension:
            return refused(f"Ends {in_zone(site.license_expires_at)}: cannot be extended like this")
        return expect_new_expiry(site, self.at, new_end)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"days", "until"} & set(self.errors):
            return cleaned
        if (cleaned.get("days") is None) == (cleaned.get("until") is None):
            raise forms.ValidationError("Enter days or a date, not both.")
        self.extension = {"days": cleaned.get("days"), "until": cleaned.get("until")}
        self.check_each_end(**self.extension)
        self.check_shown("/".join(str(value or "") for value in self.extension.values()))
        return cleaned

    def check_shown(self, extension: str) -> None:
        """Refuse other entries than those whose new ends the page has shown, and show theirs."""
        shown = self.cleaned_data.get("shown_extension")
        if shown and shown != extension:
            self.add_error(
                None, "You changed the extension after its new date was shown. Check the date and send again."
            )
        self.write_hidden("shown_extension", extension)

    def write_hidden(self, name: str, value: str) -> None:
        """For the page that shows this form again."""
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data[name] = value
        self.data = data

    def check_each_end(self, **extension: Any) -> None:
        """Refuse the form if no site can be extended; if some cannot, name them and ask for a second confirmation."""
        left_out: list[Site] = []
        refusal = None
        for site in self.registered_sites:
            try:
                extended_end(site.license_expires_at, at=self.at, **extension)
            except InvalidExtension as error:
                left_out.append(site)
                refusal = error
        if refusal is None:
            return
        digest = hashlib.sha256(repr((sorted(site.pk for site in left_out), extension)).encode()).hexdigest()
        if len(left_out) == len(self.registered_sites):
            self.add_error(refusal.field, self.too_early(left_out) if extension["until"] else refusal.detail)
        elif self.cleaned_data.get("left_out_shown") != digest:
            self.ask_to_leave_out(left_out, digest=digest, field=refusal.field)

    def too_early(self, left_out: list[Site]) -> str:
        last = max(site.license_expires_at for site in left_out)
        if len(left_out) == 1:
            return f"Must be later than the current end, {in_zone(last)}."
        return f"All these licences end later than that; the last one ends {in_zone(last)}."

    def ask_to_leave_out(self, left_out: list[Site], *, digest: str, field: str | None) -> None:
        self.write_hidden("left_out_shown", digest)
        others = len(self.registered_sites) - len(left_out)
        names = join_names([site.name for site in left_out])
        self.add_error(
            field, f"{names} cannot be extended like this. Send the form again to extend only the other {others}."
        )


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
        is_known = new_end is not None and expected.kind == ResultKind.WILL_CHANGE
        return expect_new_expiry(site, self.at, new_end) if is_known else expected

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        end = cleaned.get("license_expires_at")
        if not end or cleaned.get("reason") or "reason" in self.errors:
            return cleaned
        # Without fractions of a second, which the form does not have.
        if shortened := [
            site.name for site in self.registered_sites if end < site.license_expires_at.replace(microsecond=0)
        ]:
            self.add_error(
                "reason", f"Enter a reason: the licence of {join_names(shortened)} will end earlier than it does now."
            )
        elif end <= self.at:
            self.add_error("reason", "Enter a reason: this time has passed, so there will be no licence.")
        return cleaned
