"""The form that creates a roll-out: what, for which devices, and in which waves."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import BaseFormSet, formset_factory

from fleet.devices.limits import MAX_HARDWARE_LENGTH, MAX_ROLE_LENGTH, MAX_VERSION_LENGTH
from fleet.firmware.models import Firmware
from fleet.rollouts.limits import MAX_ROLLOUT_NAME_LENGTH, MAX_WAVES
from fleet.rollouts.selection import Selection
from fleet.rollouts.waves import DEFAULT_WAVES, RANGES, WAVE_FIELDS, WaveSpec
from panel.fleet.rollouts.creation.locations import LocationField, LocationsField
from panel.organizations.field import OrganizationField
from panel.sites.forms import validate_one_line

# More would make the page large; the page of a version links here with that version.
MAX_VERSIONS = 200
# Rows in the form: those of the usual waves, and some that are empty.
ROWS = len(DEFAULT_WAVES) + 2
LABELS = {
    "percent": "Percent of all devices",
    "min_success_percent": "Must succeed (percent)",
    "max_failures": "Failures at most",
    "deadline_minutes": "Minutes to report the version",
    "online_minutes": "Minutes to stay online",
    "observation_minutes": "Minutes of observation",
    "patience_hours": "Hours to wait for offline devices",
    "max_health_rise": "Health may rise by",
}
# Shown at once; the others are in a part that opens.
FIRST = ("percent", "min_success_percent", "max_failures", "observation_minutes")
MAY_BE_EMPTY = ("percent", "max_health_rise")
USUAL = WaveSpec(percent=100)


class FirmwareChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} ({obj.channel}{f', {obj.hardware}' if obj.hardware else ''})"


def text(label: str, max_length: int, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=max_length,
        validators=[validate_one_line],
        widget=forms.TextInput({"class": "vTextField"}),
        help_text=help_text,
    )


class RolloutForm(forms.Form):
    """Of several conditions a device must meet all."""

    rollout_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    firmware = FirmwareChoice(queryset=Firmware.objects.none(), empty_label="Choose a version")
    name = forms.CharField(
        max_length=MAX_ROLLOUT_NAME_LENGTH,
        validators=[validate_one_line],
        widget=forms.TextInput({"class": "vTextField"}),
        help_text="It cannot be changed later: with the firmware it decides which device is in which wave.",
    )
    organization_id = OrganizationField(help_text="Only devices of this chain: its slug or its name.")
    location_ids = LocationsField()
    role = text("Role", MAX_ROLE_LENGTH, "Only devices with this role, such as till.")
    hardware = text("Hardware", MAX_HARDWARE_LENGTH, "Only devices with this hardware.")
    current_version = text("Runs", MAX_VERSION_LENGTH, "Only devices that report this version now.")
    pilot_site_id = LocationField(
        label="Pilot location",
        help_text="Where the first wave is, if that is a pilot: the name or the id of a site. Empty: one is chosen.",
    )

    def __init__(self, *args: Any, firmware_id: uuid.UUID | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        newest = Firmware.objects.available().order_by("-created_at").values_list("pk", flat=True)[:MAX_VERSIONS]
        offered = [*newest, *([firmware_id] if firmware_id else [])]
        choices = Firmware.objects.available().filter(pk__in=offered).order_by("product", "-precedence", "-created_at")
        self.fields["firmware"].queryset = choices  # type: ignore[attr-defined]

    def facts(self) -> dict[str, Any]:
        """What `create_rollout` and `plan_rollout` take, without the waves."""
        given = self.cleaned_data
        names = ("organization_id", "location_ids", "role", "hardware", "current_version")
        return {
            "firmware_id": given["firmware"].pk,
            "name": given["name"],
            "selection": Selection(**{name: given[name] or None for name in names}),
            "pilot_site_id": given["pilot_site_id"],
        }


class WaveForm(forms.Form):
    """A row without a percent is the pilot if it is the first, and else no wave."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in WAVE_FIELDS:
            lowest, highest = RANGES[name]
            self.fields[name] = forms.IntegerField(
                label=LABELS[name],
                min_value=lowest,
                max_value=highest,
                required=name not in MAY_BE_EMPTY,
                initial=None if name == "percent" else getattr(USUAL, name),
            )

    @property
    def first_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in FIRST]

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in WAVE_FIELDS if name not in FIRST]


class WavesBase(BaseFormSet):
    def clean(self) -> None:
        if any(self.errors):
            return
        percents = [spec.percent for spec in self.waves if spec.percent is not None]
        if percents != sorted(set(percents)) or percents[-1:] != [100]:
            raise ValidationError("Each wave must reach further than the one before, and the last one 100 percent.")

    @property
    def waves(self) -> Sequence[WaveSpec]:
        rows = [form.cleaned_data for form in self.forms]
        return [WaveSpec(**row) for number, row in enumerate(rows) if number == 0 or row["percent"] is not None]


WavesFormSet = formset_factory(
    WaveForm, formset=WavesBase, extra=0, max_num=MAX_WAVES, absolute_max=MAX_WAVES, validate_max=True
)


def usual_waves() -> list[dict[str, Any]]:
    empty = {**vars(USUAL), "percent": None}
    return [*map(vars, DEFAULT_WAVES), *[empty] * (ROWS - len(DEFAULT_WAVES))]
