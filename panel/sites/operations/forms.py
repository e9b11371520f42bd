"""The forms with which an admin confirms an operation. Each knows the sites that it will hit, as they stand."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms

from panel.sites.forms import lines
from panel.sites.operations.expected_results import named
from panel.widgets.times import in_zone
from panel.widgets.zoned_fields import ZonedDateTimeField
from sites.errors import InvalidExtension
from sites.limits import MAX_EXTENSION_DAYS, MAX_REASON_LENGTH
from sites.models import Site
from sites.services import extended_end

# Beyond so many sites, one click is too easy.
COUNTED_ABOVE = 10


class OperationForm(forms.Form):
    """`facts` are what the service is told. Above COUNTED_ABOVE sites the person types how many they are."""

    def __init__(self, data: Any = None, *, sites: Sequence[Site], at: datetime) -> None:
        super().__init__(data)
        self.sites, self.at = sites, at
        if len(sites) > COUNTED_ABOVE:
            self.fields["typed_count"] = TypedCountField(len(sites))

    @property
    def live_sites(self) -> list[Site]:
        return [site for site in self.sites if site.deregistered_at is None]

    def facts(self) -> Mapping[str, Any]:
        own = ("typed_count", "told")
        return {name: value for name, value in self.cleaned_data.items() if name not in own and value is not None}

    def point_at_first_error(self) -> None:
        """Puts the cursor where something has to be typed anew."""
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs["autofocus"] = True
                return


class TypedCountField(forms.CharField):
    def __init__(self, count: int) -> None:
        attrs = {"inputmode": "numeric", "autocomplete": "off", "size": 6}
        super().__init__(label=f"Type {count} to confirm", widget=forms.TextInput(attrs=attrs))
        self.count = count

    def clean(self, value: Any) -> str:
        typed = str(value or "").strip()
        if typed != str(self.count):
            raise forms.ValidationError(f"Type {self.count}, the number of sites that this is about.")
        return typed


def sentence(*, required: bool, help_text: str = "", label: str = "") -> forms.CharField:
    return forms.CharField(
        max_length=MAX_REASON_LENGTH,
        validators=[lines],
        required=required,
        label=label or None,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )


FOR_THE_HISTORY = "For the history; the restaurant is not told."


class LockForm(OperationForm):
    reason = sentence(required=True, help_text="The restaurant is told this with its next heartbeat.")


class UnlockForm(OperationForm):
    note = sentence(required=False, help_text=FOR_THE_HISTORY, label="Note (optional)")


class ExtendForm(OperationForm):
    days = forms.IntegerField(
        min_value=1,
        max_value=MAX_EXTENSION_DAYS,
        required=False,
        help_text="From the later of now and the present end.",
    )
    until = ZonedDateTimeField(required=False, help_text="Or a date and time, later than the present end.")
    note = sentence(required=False, help_text=FOR_THE_HISTORY, label="Note (optional)")
    # Which sites the page said will be left out: sent again with the same entries, that is what the person wants.
    told = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"days", "until"} & set(self.errors):
            return cleaned
        if (cleaned.get("days") is None) == (cleaned.get("until") is None):
            raise forms.ValidationError("Give either days or a date.")
        self.tell_who_is_left_out(days=cleaned.get("days"), until=cleaned.get("until"))
        return cleaned

    def tell_who_is_left_out(self, **wanted: Any) -> None:
        left_out: list[Site] = []
        refusal = None
        for site in self.live_sites:
            try:
                extended_end(site.license_expires_at, at=self.at, **wanted)
            except InvalidExtension as error:
                left_out.append(site)
                refusal = error
        if refusal is None:
            return
        told = hashlib.sha256(repr((sorted(site.pk for site in left_out), wanted)).encode()).hexdigest()
        if len(left_out) == len(self.live_sites):
            self.add_error(refusal.field, self.why_none(left_out) if wanted["until"] else refusal.detail)
        elif self.cleaned_data.get("told") != told:
            self.say_once(told, refusal.field, left_out)

    def why_none(self, left_out: list[Site]) -> str:
        last = max(site.license_expires_at for site in left_out)
        if len(left_out) == 1:
            return f"Must be later than the present end, {in_zone(last)}."
        return f"Each of these licences ends later than that already, the last one at {in_zone(last)}."

    def say_once(self, told: str, field: str | None, left_out: list[Site]) -> None:
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data["told"] = told
        self.data = data
        others, names = len(self.live_sites) - len(left_out), named([site.name for site in left_out])
        self.add_error(
            field,
            f"{names} cannot be extended like that and will be left out. Nothing was done yet: send the form again"
            f" to extend the other {others}.",
        )


class SetExpiryForm(OperationForm):
    license_expires_at = ZonedDateTimeField(label="Licence ends", help_text="The licence ends at this very second.")
    reason = sentence(
        required=False, help_text=f"Needed where a licence will end earlier than it does now. {FOR_THE_HISTORY}"
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        ends = cleaned.get("license_expires_at")
        if ends and not cleaned.get("reason") and "reason" not in self.errors:
            self.ask_why(ends)
        return cleaned

    def ask_why(self, ends: datetime) -> None:
        if shortened := [site.name for site in self.live_sites if ends < site.license_expires_at]:
            self.add_error("reason", f"Say why: the licence of {named(shortened)} will end earlier than now.")
        elif ends <= self.at:
            self.add_error("reason", "Say why: that moment has passed, so that there will be no licence.")


class DeactivateForm(OperationForm):
    reason = sentence(required=True, help_text=FOR_THE_HISTORY)


class ActivateForm(OperationForm):
    reason = sentence(required=False, help_text=FOR_THE_HISTORY, label="Note (optional)")


class DeregisterForm(OperationForm):
    reason = sentence(required=True, help_text=FOR_THE_HISTORY)


class RestoreForm(OperationForm):
    reason = sentence(required=False, help_text=FOR_THE_HISTORY, label="Note (optional)")
