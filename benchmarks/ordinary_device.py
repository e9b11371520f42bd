"""What a device's heartbeat costs as it is usually written: a view of Django REST Framework, a serializer, `device.save()`.

This module is its own settings and its own URLs; middleware, keys and tables are the product's.
"""

from datetime import timedelta

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.settings import *  # noqa: F403

ROOT_URLCONF = __name__


class ReportSerializer(serializers.Serializer):  # type: ignore[type-arg]
    status = serializers.ChoiceField(choices=["online", "stopped"], required=False)
    firmware_version = serializers.CharField(max_length=64, required=False)
    uptime_seconds = serializers.IntegerField(min_value=0, required=False)
    config_version = serializers.IntegerField(required=False)


class OrdinaryHeartbeat(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        from common.keys import key_digest
        from fleet.devices.models import Device, DeviceKey  # they need the settings, which this module is

        key = (
            DeviceKey.objects.select_related("device__site", "device__pulse")
            .filter(device=request.headers["X-Device-ID"], digest=key_digest(request.headers["X-Device-Key"]))
            .first()
        )
        if key is None:
            raise AuthenticationFailed
        report = ReportSerializer(data=request.data)
        report.is_valid(raise_exception=True)
        device: Device = key.device
        pulse, now = device.pulse, timezone.now()
        pulse.last_seen_at, pulse.due_at = now, now + timedelta(seconds=30)
        pulse.firmware_version = report.validated_data.get("firmware_version", pulse.firmware_version)
        pulse.save()
        device.updated_at = now
        device.save()
        return Response(
            {
                "server_time": now,
                "next_heartbeat_seconds": 30,
                "config_version": device.config_version,
                "commands": [],
                "licensed": device.site.is_active and device.site.license_expires_at > now,
                "locked": device.site.is_locked,
            }
        )


urlpatterns = [path("api/ordinary/heartbeat", OrdinaryHeartbeat.as_view())]
