"""The pages and buttons that change a device."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.errors import DomainError, InvalidInput
from fleet.devices import services
from fleet.devices.errors import DeviceChanged, DeviceNotFound
from fleet.devices.models import Device
from fleet.firmware.services import set_target
from fleet.heartbeats.boots import dismiss_device_clone
from fleet.heartbeats.commands import send_command
from fleet.heartbeats.models import DeviceCommand
from panel.account.confirmation import needs_confirmation
from panel.events.timeline import label_of, readable
from panel.fleet.devices.operations.forms import (
    ConfigurationForm,
    DeviceForm,
    EditForm,
    RetireForm,
    RotateDeviceKeyForm,
    TargetFirmwareForm,
    configuration_text,
)
from panel.fleet.devices.operations.key_page import key_page
from panel.fleet.devices.page.commands import LABELS
from panel.fleet.views import FleetFormView, OneDeviceView

STALE = (
    "This device was changed while you had the page open. Nothing was saved yet. Check your entries, then save again."
)


class ButtonView(OneDeviceView):
    """Calls a service and goes back to the page of the device; a refusal is a message there."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            self.press()
        except DeviceNotFound:
            return self.is_retired()
        except DomainError as error:
            messages.error(request, error.detail)
        return self.to_its_page()

    def press(self) -> None:
        raise NotImplementedError


class SendCommandView(ButtonView):
    permission_required = "device_heartbeats.send_command"

    def press(self) -> None:
        name = self.request.POST.get("command", "")
        if name not in DeviceCommand.Name.values:
            messages.error(self.request, "There is no such command. Nothing was sent.")
            return
        send_command(self.kwargs["device_id"], name, by=self.by, at=timezone.now())
        label = LABELS[DeviceCommand.Name(name)]
        messages.success(self.request, f"{label}: the device gets the command with its next heartbeat.")


class DismissCloneView(ButtonView):
    permission_required = "devices.dismiss_clone"

    def press(self) -> None:
        dismiss_device_clone(self.kwargs["device_id"], by=self.by, at=timezone.now())
        messages.success(self.request, "Dismissed. If both boxes go on, the suspicion comes back.")


class ChangeDeviceView(FleetFormView, OneDeviceView):
    """If the device was changed since the page was opened, nothing is saved: the form comes back with the entries, what is
    stored now beside them, and the present revision."""

    permission_required = "devices.change_device"
    template_name = "panel/fleet/devices/operations/form.html"
    verb = "Edit"
    form_class: type[DeviceForm]

    def get_initial(self) -> dict[str, Any]:
        assert self.device is not None
        return {**self.values(self.device), "revision": self.device.revision}

    def values(self, device: Device) -> dict[str, Any]:
        """What the fields begin with."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        assert self.device is not None
        titles = {"title": f"{self.verb} {self.device.name}", "page_title": f"{self.verb} · {self.device.name}"}
        return super().get_context_data(**{"verb": self.verb, **titles, **kwargs})

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            services.update_device(
                self.kwargs["device_id"],
                form.changes,
                by=self.by,
                at=timezone.now(),
                expected_revisions={form.cleaned_data["revision"]},
            )
        except DeviceChanged:
            return self.is_stale()
        except DeviceNotFound:
            return self.is_retired()
        except InvalidInput as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
            return self.form_invalid(form)
        assert self.device is not None
        messages.success(self.request, f"Saved: {self.device.name}.")
        return self.to_its_page()

    def is_stale(self) -> HttpResponse:
        stored = Device.objects.get(pk=self.kwargs["device_id"])
        given = self.request.POST.copy()
        given["revision"] = str(stored.revision)
        form = self.form_class(given)
        form.add_error(None, STALE)
        differing = [
            (label_of(name), readable(name, value))
            for name, value in self.values(stored).items()
            if given.get(name, "").replace("\r\n", "\n") != value
        ]
        return self.render_to_response(self.get_context_data(form=form, stored_now=differing))


class EditDeviceView(ChangeDeviceView):
    form_class = EditForm

    def values(self, device: Device) -> dict[str, Any]:
        return {"name": device.name, "role": device.role, "hardware": device.hardware}


class ConfigureDeviceView(ChangeDeviceView):
    form_class = ConfigurationForm
    verb = "Configure"

    def values(self, device: Device) -> dict[str, Any]:
        return {"config": configuration_text(device.config)}


class TargetFirmwareView(FleetFormView, OneDeviceView):
    permission_required = "devices.change_device"
    template_name = "panel/fleet/devices/operations/target_firmware.html"
    form_class = TargetFirmwareForm

    def get_form_kwargs(self) -> dict[str, Any]:
        assert self.device is not None
        return {**super().get_form_kwargs(), "hardware": self.device.hardware}

    def get_initial(self) -> dict[str, Any]:
        assert self.device is not None
        target = getattr(self.device, "firmware_target", None)
        return {"firmware": target and target.firmware_id, "revision": self.device.revision}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        assert self.device is not None
        name = self.device.name
        titles = {"title": f"Set the target firmware of {name}", "page_title": f"Target firmware · {name}"}
        return super().get_context_data(**{"verb": "Target firmware", **titles, **kwargs})

    def form_valid(self, form: TargetFirmwareForm) -> HttpResponse:
        assert self.device is not None
        device_id, firmware = self.device.pk, form.cleaned_data["firmware"]
        how: dict[str, Any] = {"by": self.by, "at": timezone.now()}
        try:
            with transaction.atomic():
                services.update_device(device_id, {}, **how, expected_revisions={form.cleaned_data["revision"]})
                set_target(device_id, firmware and firmware.pk, **how)
        except DeviceNotFound:
            return self.is_retired()
        except DeviceChanged:
            messages.error(self.request, "This device was changed while you had the page open. Nothing was saved.")
            return self.to_its_page()
        except DomainError as error:
            form.add_error("firmware", error.detail)
            return self.form_invalid(form)
        messages.success(self.request, f"Target firmware of {self.device.name}: {firmware or 'none'}.")
        return self.to_its_page()


class RetireDeviceView(FleetFormView, OneDeviceView):
    permission_required = "devices.retire_device"
    template_name = "panel/fleet/devices/operations/retire.html"
    form_class = RetireForm

    def get_form_kwargs(self) -> dict[str, Any]:
        assert self.device is not None
        return {**super().get_form_kwargs(), "name": self.device.name}

    def get_initial(self) -> dict[str, Any]:
        assert self.device is not None
        return {"revision": self.device.revision}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        assert self.device is not None
        titles = {"title": f"Retire {self.device.name}", "page_title": f"Retire · {self.device.name}"}
        return super().get_context_data(**{**titles, **kwargs})

    def form_valid(self, form: RetireForm) -> HttpResponse:
        try:
            device = services.retire_device(
                self.kwargs["device_id"],
                by=self.by,
                at=timezone.now(),
                expected_revisions={form.cleaned_data["revision"]},
            )
        except DeviceNotFound:
            return self.is_retired()
        except DomainError as error:
            messages.error(self.request, f"{error.detail}. Nothing was changed.")
            return self.to_its_page()
        messages.success(self.request, f"Retired: {device.name}. Its keys are refused.")
        return self.to_its_page()


class RotateDeviceKeyView(FleetFormView, OneDeviceView):
    permission_required = "devices.rotate_device_key"
    template_name = "panel/fleet/devices/operations/rotate.html"
    form_class = RotateDeviceKeyForm

    def get_initial(self) -> dict[str, Any]:
        assert self.device is not None
        return {"revision": self.device.revision}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        assert self.device is not None
        name = self.device.name
        titles = {"title": f"Rotate the key of {name}", "page_title": f"Rotate key · {name}"}
        return super().get_context_data(**{**titles, **kwargs})

    @needs_confirmation
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: RotateDeviceKeyForm) -> HttpResponse:
        hours = form.cleaned_data["overlap_hours"]
        try:
            rotation = services.rotate_device_key(
                self.kwargs["device_id"],
                by=self.by,
                at=timezone.now(),
                overlap=timedelta(hours=hours),
                # A reload of the page with the key sends the form again, and must not make another key.
                expected_revisions={form.cleaned_data["revision"]},
            )
        except DeviceNotFound:
            return self.is_retired()
        except DomainError as error:
            messages.error(
                self.request,
                f"{error.detail}. No key was made now. If you just rotated it, its new key was shown then, once.",
            )
            return self.to_its_page()
        return key_page(self, rotation, still_works=hours > 0)
