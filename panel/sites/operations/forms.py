"""The forms that confirm an operation. Each is given the selected sites as they are when it is sent."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms

from panel.sites.forms import EXPIRY_HELP, validate_lines
from panel.sites.typed_confirmation import TypedCountField, TypedNameField
from panel.widgets.names import join_names
from panel.widgets.times import in_zone
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.errors import InvalidExtension
from sites.limits import MAX_EXTENSION_DAYS, MAX_REASON_LENGTH
from sites.models import Site
from sites.services import extended_end

# For more sites than that, the person types how many they are.
COUNT_TYPED_ABOVE = 10
HISTORY_ONLY = "For the history. The restaurant does not see it."


class OperationForm(forms.Form):
    # Whether the name of a single site must be typed, and the number of more than one.
    is_typed_confirmation: ClassVar[bool] = False

    def __init__(self, data: Any = None, *, sites: Sequence[Site], at: datetime) -> None:
        super().__init__(data)
        self.sites, self.at = sites, at
        if len(sites) > (1 if self.is_typed_confirmation else COUNT_TYPED_ABOVE):
            self.fields["typed_count"] = TypedCountField(len(sites))
        elif self.is_typed_confirmation:
            self.fields["typed_name"] = TypedNameField(sites[0].name)

    @property
    def registered_sites(self) -> list[Site]:
        return [site for site in self.sites if site.deregistered_at is None]

    def arguments(self) -> Mapping[str, Any]:
        """Of a valid form: what the service is called with, besides the site, `by`, `at` and `expected`."""
        not_for_the_service = ("typed_count", "typed_name", "left_out_shown")
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in not_for_the_service and value is not None
        }

    def focus_first_error(self) -> None:
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs["autofocus"] = True
                return


def text_field(
    *, required: bool, label: str = "", help_text: str = HISTORY_ONLY, max_length: int = MAX_REASON_LENGTH
) -> forms.CharField:
    return forms.CharField(
        max_length=max_length,
        validators=[validate_lines],
        required=required,
        label=label or None,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )


def optional_note() -> forms.CharField:
    return text_field(required=False, label="Note (optional)")


class LockForm(OperationForm):
    reason = text_field(required=True, help_text="The restaurant sees it with its next heartbeat.")


class UnlockForm(OperationForm):
    note = optional_note()


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

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"days", "until"} & set(self.errors):
            return cleaned
        if (cleaned.get("days") is None) == (cleaned.get("until") is None):
            raise forms.ValidationError("Enter days or a date, not both.")
        self.check_each_end(days=cleaned.get("days"), until=cleaned.get("until"))
        return cleaned

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
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data["left_out_shown"] = digest
        self.data = data
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


class DeactivateForm(OperationForm):
    reason = text_field(required=True)


class ActivateForm(OperationForm):
    reason = optional_note()


class DeregisterForm(OperationForm):
    is_typed_confirmation = True

    reason = text_field(required=True)


class RestoreForm(OperationForm):
    reason = optional_note()


class ConfirmForm(OperationForm):
    note = optional_note()


class DismissCloneForm(OperationForm):
    note = optional_note()
