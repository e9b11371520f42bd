from typing import Any

from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.fleet.devices.operations import views
from panel.fleet.devices.operations.key_page import DeviceKeyUseView


def urls(device_admin: ModelAdmin) -> list[URLPattern]:
    def page(route: str, view: Any, name: str) -> URLPattern:
        in_admin = device_admin.admin_site.admin_view(view.as_view())
        return path(f"<uuid:device_id>/{route}/", in_admin, name=f"devices_device_{name}")

    return [
        page("edit", views.EditDeviceView, "edit"),
        page("configuration", views.ConfigureDeviceView, "configure"),
        page("target-firmware", views.TargetFirmwareView, "target_firmware"),
        page("rotate-key", views.RotateDeviceKeyView, "rotate"),
        page("key-use/<int:key_id>", DeviceKeyUseView, "key_use"),
        page("retire", views.RetireDeviceView, "retire"),
        page("command", views.SendCommandView, "command"),
        page("dismiss-clone", views.DismissCloneView, "dismiss_clone"),
    ]
