"""The forms that change a device. Each has the revision of the page that it was opened on."""

import json
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError

from common.api.parsing import DECODER, UnacceptableJSON, check_strings
from fleet.devices.limits import MAX_CONFIG_BYTES, MAX_HARDWARE_LENGTH, MAX_NAME_LENGTH, MAX_ROLE_LENGTH
from fleet.devices.validation import clean_config
from fleet.firmware.models import Firmware
from panel.sites.forms import validate_one_line
from panel.sites.registration.forms import RotateKeyForm
from panel.sites.typed_confirmation import TypedNameField


class DeviceForm(forms.Form):
    """`changes` are what `update_device` takes."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    @property
    def changes(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "revision"}


class EditForm(DeviceForm):
    name = forms.CharField(max_length=MAX_NAME_LENGTH, validators=[validate_one_line], widget=AdminTextInputWidget)
    role = forms.CharField(
        max_length=MAX_ROLE_LENGTH,
        required=False,
        validators=[validate_one_line],
        widget=AdminTextInputWidget,
        help_text="What it does, such as till, printer, display or camera.",
    )
    hardware = forms.CharField(
        max_length=MAX_HARDWARE_LENGTH,
        required=False,
        validators=[validate_one_line],
        widget=AdminTextInputWidget,
        help_text="As firmware names it. A device that registers again may report another one.",
    )


class ConfigurationForm(DeviceForm):
    config = forms.CharField(
        label="Configuration",
        widget=forms.Textarea({"rows": 18, "cols": 80, "spellcheck": "false", "class": "vLargeTextField code"}),
        help_text=f"A JSON object of at most {MAX_CONFIG_BYTES:,} bytes. The device gets it with its next heartbeat.",
    )

    def clean_config(self) -> dict[str, Any]:
        try:
            value = DECODER.decode(self.cleaned_data["config"])
            check_strings(value)
        except UnacceptableJSON as error:
            raise ValidationError(str(error)) from error
        except json.JSONDecodeError as error:
            raise ValidationError(f"No JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from error
        except RecursionError as error:
            raise ValidationError("It is nested too deeply.") from error
        return clean_config(value)


class FirmwareField(forms.ModelChoiceField):
    def label_from_instance(self, firmware: Firmware) -> str:
        return f"{firmware} ({firmware.channel})"


class TargetFirmwareForm(DeviceForm):
    firmware = FirmwareField(
        Firmware.objects.none(),
        label="Target firmware",
        required=False,
        empty_label="None: keep what is installed",
        help_text="Versions for its hardware that are not withdrawn.",
    )

    def __init__(self, *args: Any, hardware: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["firmware"]
        assert isinstance(field, FirmwareField)
        field.queryset = Firmware.objects.available().fitting(hardware).newest_first()


class RotateDeviceKeyForm(RotateKeyForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["end_at_once"].help_text = "Only with 0 hours. The device is refused until it has the new key."


class RetireForm(DeviceForm):
    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["typed_name"] = TypedNameField(name, what="device")


def configuration_text(config: dict[str, Any]) -> str:
    return json.dumps(config, indent=2, ensure_ascii=False, sort_keys=True)
