"""The admin of devices: the list, and the URLs of the pages that are views of their own."""

from django.contrib import admin
from django.urls import URLPattern

from fleet.devices.models import Device
from panel.fleet.devices.enrolment.urls import urls as enrolment_urls
from panel.fleet.devices.list.columns import DeviceListPage
from panel.fleet.devices.operations.urls import urls as operation_urls
from panel.fleet.devices.page.urls import urls as page_urls


@admin.register(Device)
class DeviceAdmin(DeviceListPage):
    """Lists the devices. Each `urls.py` below this folder adds the pages of its package."""

    def get_urls(self) -> list[URLPattern]:
        # Before Django's: the page of a device takes the place of its form.
        return [*operation_urls(self), *enrolment_urls(self), *page_urls(self), *super().get_urls()]
