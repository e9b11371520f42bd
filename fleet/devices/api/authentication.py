"""Devices as callers of Django REST Framework's views: `request.user` is a `fleet.devices.known.KnownDevice`."""

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.api.permissions import RolePermission
from fleet.devices.authentication import DeviceCredentials, authenticate_device
from fleet.devices.errors import InvalidDeviceCredentials
from fleet.devices.known import KnownDevice


class DeviceAuthentication(BaseAuthentication):
    """The headers `X-Device-ID` and `X-Device-Key`; a request with neither is left to other kinds of authentication."""

    def authenticate(self, request: Request) -> tuple[KnownDevice, None] | None:
        device_id, key = request.META.get("HTTP_X_DEVICE_ID"), request.META.get("HTTP_X_DEVICE_KEY")
        if device_id is None and key is None:
            return None
        if device_id is None or key is None:
            raise InvalidDeviceCredentials
        credentials = DeviceCredentials(device_id, key)
        return authenticate_device(credentials, ip=request._request.client_address, at=timezone.now()), None

    def authenticate_header(self, request: Request) -> str:
        return InvalidDeviceCredentials.challenge


class DeviceScheme(OpenApiAuthenticationExtension):
    """Both headers together are one requirement, see config/api_description.py."""

    target_class = "fleet.devices.api.authentication.DeviceAuthentication"
    name = "deviceId"

    def get_security_requirement(self, auto_schema: Any) -> Any:
        return {"deviceId": [], "deviceKey": []}

    def get_security_definition(self, auto_schema: Any) -> Any:
        return {"type": "apiKey", "in": "header", "name": "X-Device-ID", "description": "The device's id."}


def is_device(request: Request) -> bool:
    return isinstance(request.user, KnownDevice)


class IsDevice(BasePermission):
    """For what only devices may do. Without credentials the answer is that of wrong ones."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not is_device(request):
            raise InvalidDeviceCredentials
        return True


class DeviceOrRolePermission(RolePermission):
    """For what every device may do, and admins with the permission that the view names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return is_device(request) or super().has_permission(request, view)
