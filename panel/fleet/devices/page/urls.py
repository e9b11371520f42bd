from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.fleet.devices.page.views import DeviceHistoryView, DevicePageView


def urls(device_admin: ModelAdmin) -> list[URLPattern]:
    """The page of a device takes the place of Django's change form, and the list of its events that of Django's history."""
    in_admin = device_admin.admin_site.admin_view
    return [
        path("<path:object_id>/change/", in_admin(DevicePageView.as_view()), name="devices_device_change"),
        path("<path:object_id>/history/", in_admin(DeviceHistoryView.as_view()), name="devices_device_history"),
    ]
