from django.contrib.admin import ModelAdmin
from django.urls import URLPattern, path

from panel.fleet.devices.enrolment.views import AddDeviceView, RevokeCodeView


def urls(device_admin: ModelAdmin) -> list[URLPattern]:
    in_admin = device_admin.admin_site.admin_view
    return [
        path("add-to/<uuid:site_id>/", in_admin(AddDeviceView.as_view()), name="devices_device_enrol"),
        path("codes/<uuid:code_id>/revoke/", in_admin(RevokeCodeView.as_view()), name="devices_device_revoke_code"),
    ]
