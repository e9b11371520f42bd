"""`/api/devices`. Each method reads the request, calls one service and prints the answer."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from common.api.paging import NumberedPages
from common.api.views import ViewSet, etag, expected_revisions
from common.errors import InvalidInput
from common.instants import format_instant
from fleet.api.representation import device_representations
from fleet.api.serializers import (
    ORDERINGS,
    DeviceEditSerializer,
    DeviceKeySerializer,
    DeviceListQuery,
    DeviceSerializer,
)
from fleet.devices import services
from fleet.devices.errors import DeviceNotFound
from fleet.devices.models import Device
from fleet.devices.querysets import DeviceQuerySet
from fleet.devices.validation import read_device_id
from fleet.firmware.errors import FirmwareNotFound
from fleet.firmware.services import set_target
from sites.api.documentation import ETAG, IF_MATCH
from sites.api.serializers import RotateSerializer


class DeviceViewSet(ActorMixin, ViewSet):
    """The boxes at the locations."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = Device.objects.none()
    serializer_class = DeviceSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "list": "devices.view_device",
        "retrieve": "devices.view_device",
        "partial_update": "devices.change_device",
        "destroy": "devices.retire_device",
        "rotate_key": "devices.rotate_device_key",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "partial_update": (400, 401, 403, 404, 409, 412),
        "destroy": (400, 401, 403, 404, 412),
        "rotate_key": (400, 401, 403, 404, 412),
    }
    queries = {"list": DeviceListQuery}

    @extend_schema(operation_id="list_devices", summary="List devices", tags=["devices"], parameters=[DeviceListQuery])
    def list(self, request: Request) -> Response:
        query, at = self.read_query(), timezone.now()
        found = matching(query, at=at)
        ordering = query.get("ordering", "name")
        order, descending = ORDERINGS[ordering.removeprefix("-")], ordering.startswith("-")
        page = found.with_state(at=at).sorted_by(order, descending=descending)[self.paginator.rows(request)]
        return self.paginator.response(request, device_representations(page), total=found.count())

    @extend_schema(operation_id="get_device", summary="Read a device", tags=["devices"], parameters=[ETAG])
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        return self.represent(read_device_id(id), at=timezone.now())

    @extend_schema(
        operation_id="update_device",
        summary="Change a device",
        tags=["devices"],
        parameters=[IF_MATCH, ETAG],
        request=DeviceEditSerializer,
        responses=DeviceSerializer,
        examples=[OpenApiExample("another name", {"name": "Till at the bar"}, request_only=True)],
    )
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        """What is left out stays as it is. A new `config` gets the next `config_version`.

        A `target_firmware` that is withdrawn or does not fit is refused.
        """
        wanted, at = read_visible_id(id), timezone.now()
        changes = self.read_body(DeviceEditSerializer, partial=True)
        changes = {name: "" if name == "role" and value is None else value for name, value in changes.items()}
        with transaction.atomic():  # the answer shows this very change, not a later one
            services.update_device(
                wanted, changes, by=self.actor(), at=at, expected_revisions=expected_revisions(request)
            )
            if "target_firmware" in changes:
                self.set_target(wanted, changes["target_firmware"], at=at)
            return self.represent(wanted, at=at)

    @extend_schema(operation_id="retire_device", summary="Retire a device", tags=["devices"], parameters=[IF_MATCH])
    def destroy(self, request: Request, id: str) -> Response:  # noqa: A002
        """It is 404 from then on and its keys are refused; its history is kept."""
        revisions = expected_revisions(request)
        services.retire_device(read_visible_id(id), by=self.actor(), at=timezone.now(), expected_revisions=revisions)
        return Response(status=204)

    @extend_schema(
        operation_id="rotate_device_key",
        summary="Make a new key for a device",
        tags=["devices"],
        parameters=[IF_MATCH],
        request=RotateSerializer,
        responses=DeviceKeySerializer,
        examples=[OpenApiExample("two days of overlap", {"overlap_hours": 48}, request_only=True)],
    )
    @action(detail=True, methods=["post"], url_path="rotate-key")
    def rotate_key(self, request: Request, id: str) -> Response:  # noqa: A002
        """Both keys work during the overlap; the old one stops as soon as the new one was used twice, or at the end."""
        wanted = read_visible_id(id)
        overlap = timedelta(hours=self.read_body(RotateSerializer)["overlap_hours"])
        rotation = services.rotate_device_key(
            wanted,
            by=self.actor(),
            at=timezone.now(),
            overlap=overlap,
            expected_revisions=expected_revisions(request),
        )
        return Response(
            {
                "device_key": rotation.device_key,
                "previous_key_expires_at": format_instant(rotation.previous_key_expires_at),
            }
        )

    def set_target(self, device_id: uuid.UUID, firmware_id: uuid.UUID | None, *, at: datetime) -> None:
        try:
            set_target(device_id, firmware_id, by=self.actor(), at=at)
        except FirmwareNotFound as error:  # 404 would say that there is no such device
            raise InvalidInput(error.detail, field="target_firmware") from error

    def represent(self, device_id: uuid.UUID, *, at: datetime) -> Response:
        found = list(visible().with_state(at=at).filter(pk=device_id))
        if not found:
            raise DeviceNotFound
        return Response(device_representations(found)[0], headers={"ETag": etag(found[0].revision)})


def visible() -> DeviceQuerySet:
    return Device.objects.live().of_live_sites()


def read_visible_id(text: str) -> uuid.UUID:
    """The id in a path. Raises DeviceNotFound, also for a device that GET does not show."""
    wanted = read_device_id(text)
    if not visible().filter(pk=wanted).exists():
        raise DeviceNotFound
    return wanted


def matching(query: dict[str, Any], *, at: datetime) -> DeviceQuerySet:
    """What the list's query parameters ask for."""
    devices = visible()
    lookups = {
        "location_id": "site",
        "organization_id": "site__organization",
        "role": "role",
        "firmware_version": "pulse__firmware_version",
    }
    devices = devices.filter(**{lookup: query[name] for name, lookup in lookups.items() if name in query})
    if query.get("search"):
        devices = devices.matching(query["search"])
    return devices.in_status(query["status"], at=at) if "status" in query else devices
