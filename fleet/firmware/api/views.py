"""`/api/firmware`. Each method reads the request, calls one service and prints the answer."""

from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from accounts.api.authentication import AccessTokenAuthentication, PersonalTokenAuthentication
from accounts.api.permissions import RolePermission
from common.api.paging import NumberedPages
from common.api.views import ViewSet, etag, expected_revisions
from fleet.devices.api.authentication import DeviceAuthentication, DeviceOrRolePermission, is_device
from fleet.devices.models import Device
from fleet.firmware import services
from fleet.firmware.api import documentation as documented
from fleet.firmware.api.downloads import file_response
from fleet.firmware.api.serializers import (
    FirmwareEditSerializer,
    FirmwareListQuery,
    FirmwareSerializer,
    LatestQuery,
    UploadSerializer,
)
from fleet.firmware.api.uploads import FILE, FirmwareUploadParser, UploadedFirmware
from fleet.firmware.errors import FirmwareNotFound
from fleet.firmware.models import Firmware
from fleet.firmware.validation import read_firmware_id

ADMINS = [PersonalTokenAuthentication, AccessTokenAuthentication]


class FirmwareViewSet(ActorMixin, ViewSet):
    """Upload versions of firmware, withdraw them, and load them."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = Firmware.objects.none()
    serializer_class = FirmwareSerializer
    pagination_class = NumberedPages
    authentication_classes = [*ADMINS, DeviceAuthentication]
    required_permissions = {
        "list": "firmware.view_firmware",
        "latest": "firmware.view_firmware",
        "retrieve": "firmware.view_firmware",
        "file": "firmware.view_firmware",
        "create": "firmware.add_firmware",
        "partial_update": "firmware.change_firmware",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "latest": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "file": (400, 401, 403, 404, 412, 416),
        "create": (400, 401, 403, 409, 507),
        "partial_update": (400, 401, 403, 404, 412),
    }
    queries = {"list": FirmwareListQuery, "latest": LatestQuery}

    # DRF asks for these three before it has set `action`.

    def get_authenticators(self) -> list[Any]:
        return [each() for each in ADMINS] if self.writes() else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        return [RolePermission()] if self.writes() else [DeviceOrRolePermission()]

    def get_parsers(self) -> list[Any]:
        return [FirmwareUploadParser()] if self.writes("POST") else super().get_parsers()

    def writes(self, *methods: str) -> bool:
        return self.request is not None and self.request.method in (methods or ("POST", "PATCH"))

    @documented.list_firmware
    def list(self, request: Request) -> Response:
        query = self.read_query()
        found = Firmware.objects.filter(**{name: query[name] for name in ("product", "channel") if name in query})
        rows = self.paginator.rows(request)
        page = found.newest_first()[rows]
        return self.paginator.response(request, FirmwareSerializer(page, many=True).data, total=found.count())

    @documented.upload_firmware
    def create(self, request: Request) -> Response:
        upload = request.data.get(FILE)
        try:
            facts = self.read_body(UploadSerializer)
            incoming = facts.pop(FILE).incoming
            firmware = services.add_firmware(incoming, **facts, by=self.actor(), at=timezone.now())
        finally:
            if isinstance(upload, UploadedFirmware):
                upload.close()
        headers = {"Location": f"{request.path.rstrip('/')}/{firmware.pk}", "ETag": etag(firmware.revision)}
        return Response(FirmwareSerializer(firmware).data, status=201, headers=headers)

    @documented.latest_firmware
    @action(detail=False, methods=["get"])
    def latest(self, request: Request) -> Response:
        query = self.read_query()
        channel = query.get("channel", Firmware.Channel.STABLE)
        found = Firmware.objects.available().filter(product=query["product"], channel=channel)
        hardware = query.get("hardware") or hardware_of(request)
        if hardware:
            found = found.fitting(hardware)
        firmware = found.newest_first().first()
        if firmware is None:
            raise FirmwareNotFound
        return self.one(firmware)

    @documented.retrieve_firmware
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        return self.one(self.found(id))

    @documented.update_firmware
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        wanted = read_firmware_id(id)
        changes = self.read_body(FirmwareEditSerializer)
        revisions = expected_revisions(request)
        at = timezone.now()
        return self.one(services.update_firmware(wanted, changes, by=self.actor(), at=at, expected_revisions=revisions))

    @documented.load_firmware
    @action(detail=True, methods=["get"])
    def file(self, request: Request, id: str) -> HttpResponseBase:  # noqa: A002
        return file_response(request, self.found(id))

    def one(self, firmware: Firmware) -> Response:
        return Response(FirmwareSerializer(firmware).data, headers={"ETag": etag(firmware.revision)})

    def found(self, text: str) -> Firmware:
        firmware: Firmware | None = Firmware.objects.filter(pk=read_firmware_id(text)).first()
        if firmware is None:
            raise FirmwareNotFound
        return firmware


def hardware_of(request: Request) -> str:
    """Of the device that asks; empty if it is unknown, or an admin asks."""
    if not is_device(request):
        return ""
    hardware: str = Device.objects.values_list("hardware", flat=True).get(pk=request.user.id)
    return hardware
