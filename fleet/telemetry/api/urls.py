"""`/api/health` and `/api/telemetry` themselves are in `config.direct_routes`."""

from django.urls import re_path

from fleet.telemetry.api import views

urlpatterns = [
    re_path(r"^devices/(?P<device_id>[^/]+)/health/?$", views.DeviceHealthView.as_view(), name="device-health"),
    re_path(
        r"^devices/(?P<device_id>[^/]+)/telemetry/?$", views.DeviceTelemetryView.as_view(), name="device-telemetry"
    ),
]
