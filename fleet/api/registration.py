"""`/api/devices/register`: by an enrolment code, by the site's own credentials, or by the device itself."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from audit.actors import acting_system
from common.api.views import APIView
from common.errors import InvalidInput
from fleet.api.representation import device_representations
from fleet.api.serializers import DeviceSerializer, RegisteredDeviceSerializer, RegistrationFactsSerializer
from fleet.devices import services
from fleet.devices.authentication import DeviceCredentials, authenticate_device
from fleet.devices.errors import DeviceExists, InvalidDeviceCredentials, InvalidEnrolmentCode
from fleet.devices.known import KnownDevice
from fleet.devices.models import Device
from fleet.devices.services import NewDevice
from heartbeat.errors import InvalidSiteCredentials
from heartbeat.failures import count_failure
from heartbeat.services import SiteCredentials, authenticate

SELF_REPORTED = ("name", "role", "hardware", "firmware_version")


class RegisterDeviceView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    problem_statuses = (400, 401, 409, 429)

    @extend_schema(
        operation_id="register_device",
        summary="Register a device",
        tags=["devices"],
        request=RegistrationFactsSerializer,
        responses={201: RegisteredDeviceSerializer, 200: DeviceSerializer},
        examples=[
            OpenApiExample(
                "with a code",
                {"device_id": "till-1", "name": "Till 1", "role": "till", "enrolment_code": "psc_…"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """With an `enrolment_code`, with the headers `X-Site-ID` and `X-Site-Key` of its location's local backend, or, by a
        device that is registered, with its own `X-Device-ID` and `X-Device-Key`: 200, what it says of itself is updated.

        A refused registration uses nothing up of the code. Wrong, expired and used-up codes are one 401
        `invalid_enrolment_code`.
        """
        body = RegistrationFactsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = {name: value for name, value in body.validated_data.items() if value is not None}
        facts = {name: given[name] for name in ("device_id", *SELF_REPORTED) if name in given}
        ip, at = request._request.client_address, timezone.now()
        headers = request.META
        if own := known_device(headers, ip=ip, at=at, may_fail="enrolment_code" in given):
            return Response(update_itself(own, given, facts, ip=ip, at=at))
        if "enrolment_code" in given:
            new = register_by_code(given, facts, ip=ip, at=at)
        elif "HTTP_X_SITE_ID" in headers or "HTTP_X_SITE_KEY" in headers:
            site = SiteCredentials(headers.get("HTTP_X_SITE_ID", ""), headers.get("HTTP_X_SITE_KEY", ""))
            new = register_by_site(site, given, facts, ip=ip, at=at)
        else:
            raise InvalidEnrolmentCode
        device = represented(new.device.pk, at=at)
        return Response(
            {**device, "device_key": new.device_key},
            status=201,
            headers={"Location": f"{request.path.removesuffix('/').removesuffix('/register')}/{new.device.pk}"},
        )


def register_by_code(given: dict[str, Any], facts: dict[str, Any], *, ip: str | None, at: datetime) -> NewDevice:
    register = services.replace_device if given.get("replace") else services.register_device
    try:
        with transaction.atomic():  # if the registration is refused, no use of the code is counted
            site_id = services.use_enrolment_code(given["enrolment_code"], at=at)
            if given.get("location_id", site_id) != site_id:
                raise InvalidEnrolmentCode
            return register(site_id, by=acting_system(ip), at=at, **facts)
    except InvalidEnrolmentCode:
        count_failure(ip)
        raise


def register_by_site(
    credentials: SiteCredentials, given: dict[str, Any], facts: dict[str, Any], *, ip: str | None, at: datetime
) -> NewDevice:
    try:
        site_id: uuid.UUID = authenticate(credentials, at=at).site.pk
    except InvalidSiteCredentials:
        count_failure(ip)
        raise
    if given.get("location_id", site_id) != site_id:
        raise InvalidInput("Is not the location of these credentials.", field="location_id")
    if given.get("replace"):
        raise DeviceExists("Replacing a device needs a fresh enrolment code.")
    return services.register_device(site_id, by=acting_system(ip), at=at, **facts)


def known_device(headers: Mapping[str, str], *, ip: str | None, at: datetime, may_fail: bool) -> KnownDevice | None:
    """The device that sends its own headers; None if there are none, or if they are wrong and it `may_fail`."""
    if "HTTP_X_DEVICE_ID" not in headers and "HTTP_X_DEVICE_KEY" not in headers:
        return None
    credentials = DeviceCredentials(headers.get("HTTP_X_DEVICE_ID", ""), headers.get("HTTP_X_DEVICE_KEY", ""))
    try:
        return authenticate_device(credentials, ip=ip, at=at)
    except InvalidDeviceCredentials:
        if not may_fail:
            raise
        return None


def update_itself(
    known: KnownDevice, given: dict[str, Any], facts: dict[str, Any], *, ip: str | None, at: datetime
) -> dict[str, Any]:
    if facts.pop("device_id") != known.device_id:
        raise InvalidInput("Is not the id of this device.", field="device_id")
    if given.get("location_id", known.site_id) != known.site_id:
        raise InvalidInput("Is not the location of this device.", field="location_id")
    services.update_registration(known.id, by=acting_system(ip), at=at, **facts)
    return represented(known.id, at=at)


def represented(device_id: uuid.UUID, *, at: datetime) -> dict[str, Any]:
    return device_representations(Device.objects.with_state(at=at).filter(pk=device_id))[0]
