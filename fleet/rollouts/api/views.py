"""`/api/rollouts`. Each method reads the request, calls one service and prints the answer."""

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from common.api.paging import CursorPages, NumberedPages, bigint_position
from common.api.views import ViewSet, etag, expected_revisions
from fleet.rollouts import services
from fleet.rollouts.api.representation import device_representation, plan_representation, rollout_representations
from fleet.rollouts.api.serializers import (
    NewRolloutSerializer,
    PauseSerializer,
    PlanSerializer,
    RolloutDeviceQuery,
    RolloutDeviceSerializer,
    RolloutListQuery,
    RolloutSerializer,
    arguments,
)
from fleet.rollouts.errors import RolloutNotFound
from fleet.rollouts.models import Rollout, RolloutDevice
from fleet.rollouts.planning import plan_rollout

TAGS = ["rollouts"]
NEW_ROLLOUT = OpenApiExample(
    "to all tills",
    {
        "firmware_id": "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
        "name": "Tills to 2.4",
        "selection": {"role": "till"},
    },
    request_only=True,
)
PAUSE = OpenApiExample("a reason", {"reason": "A bank holiday."}, request_only=True)
CHANGES = ("start", "pause", "resume", "abort", "roll_back")


class DevicePages(CursorPages):
    ordering = "-id"
    position = staticmethod(bigint_position)


def read_rollout_id(text: str) -> uuid.UUID:
    """Raises RolloutNotFound."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise RolloutNotFound from error


class RolloutViewSet(ActorMixin, ViewSet):
    """Firmware on its way to devices, in waves, in the closed hours of their locations."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = Rollout.objects.none()
    serializer_class = RolloutSerializer
    pagination_class = NumberedPages
    required_permissions = {
        **dict.fromkeys(("list", "retrieve", "devices"), "rollouts.view_rollout"),
        **dict.fromkeys(("create", "dry_run", *CHANGES), "rollouts.manage_rollout"),
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "devices": (400, 401, 403, 404),
        "create": (400, 401, 403, 404, 409),
        "dry_run": (400, 401, 403, 404, 409),
        **dict.fromkeys(CHANGES, (400, 401, 403, 404, 409, 412)),
    }
    queries = {"list": RolloutListQuery, "devices": RolloutDeviceQuery}

    @extend_schema(operation_id="list_rollouts", summary="List roll-outs", tags=TAGS, parameters=[RolloutListQuery])
    def list(self, request: Request) -> Response:
        """Newest first."""
        query = self.read_query()
        lookups = {name: query[name] for name in ("state", "firmware_id") if name in query}
        found = Rollout.objects.filter(**lookups)
        page = found.newest_first().select_related("firmware").prefetch_related("waves")[self.paginator.rows(request)]
        return self.paginator.response(request, rollout_representations(page), total=found.count())

    @extend_schema(
        operation_id="create_rollout",
        summary="Create a roll-out",
        tags=TAGS,
        request=NewRolloutSerializer,
        responses={201: RolloutSerializer},
        examples=[NEW_ROLLOUT],
    )
    def create(self, request: Request) -> Response:
        """A draft: nothing happens until it is started."""
        facts = arguments(self.read_body(NewRolloutSerializer))
        with transaction.atomic():
            rollout = services.create_rollout(**facts, by=self.actor(), at=timezone.now())
            return self.represent(rollout.pk, status=201)

    @extend_schema(operation_id="get_rollout", summary="Read a roll-out", tags=TAGS)
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        return self.represent(read_rollout_id(id))

    @extend_schema(
        operation_id="plan_rollout",
        summary="See what a roll-out would do",
        tags=TAGS,
        request=NewRolloutSerializer,
        responses=PlanSerializer,
        examples=[NEW_ROLLOUT],
    )
    @action(detail=False, methods=["post"], url_path="dry-run")
    def dry_run(self, request: Request) -> Response:
        """Which devices of which locations, and when, if it were started now. It writes nothing."""
        plan = plan_rollout(**arguments(self.read_body(NewRolloutSerializer)), at=timezone.now())
        return Response(plan_representation(plan))

    @extend_schema(
        operation_id="list_rollout_devices",
        summary="List the devices of a roll-out",
        tags=TAGS,
        parameters=[RolloutDeviceQuery],
        responses=RolloutDeviceSerializer(many=True),
    )
    @action(detail=True, methods=["get"], pagination_class=DevicePages)
    def devices(self, request: Request, id: str) -> Response:  # noqa: A002
        """Those that joined last come first."""
        query = self.read_query()
        rollout_id = read_rollout_id(id)
        if not Rollout.objects.filter(pk=rollout_id).exists():
            raise RolloutNotFound
        lookups = {name: query[name] for name in ("state", "direction", "wave") if name in query}
        rows = RolloutDevice.objects.filter(rollout=rollout_id, **lookups).select_related("device")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([device_representation(row) for row in page])

    @extend_schema(operation_id="start_rollout", summary="Start a roll-out", tags=TAGS, request=None)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, id: str) -> Response:  # noqa: A002
        return self.change(services.start_rollout, id)

    @extend_schema(
        operation_id="pause_rollout", summary="Pause a roll-out", tags=TAGS, request=PauseSerializer, examples=[PAUSE]
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, id: str) -> Response:  # noqa: A002
        """No further device is offered the firmware; those in flight are judged as usual."""
        return self.change(services.pause_rollout, id, reason=self.read_body(PauseSerializer)["reason"])

    @extend_schema(operation_id="resume_rollout", summary="Resume a roll-out", tags=TAGS, request=None)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, id: str) -> Response:  # noqa: A002
        """The failures of the present wave are accepted: its gate counts only those that follow."""
        return self.change(services.resume_rollout, id)

    @extend_schema(operation_id="abort_rollout", summary="Abort a roll-out", tags=TAGS, request=None)
    @action(detail=True, methods=["post"])
    def abort(self, request: Request, id: str) -> Response:  # noqa: A002
        """Devices in flight are still judged; those that wait are skipped."""
        return self.change(services.abort_rollout, id)

    @extend_schema(operation_id="roll_back_rollout", summary="Roll back", tags=TAGS, request=None)
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, id: str) -> Response:  # noqa: A002
        """Updated devices get the version that they ran before, in their windows, one of a location at a time."""
        return self.change(services.roll_back_rollout, id)

    def change(self, service: Callable[..., Rollout], text: str, **facts: Any) -> Response:
        rollout_id, revisions = read_rollout_id(text), expected_revisions(self.request)
        with transaction.atomic():  # the answer shows this very change, not a later one
            service(rollout_id, **facts, by=self.actor(), at=timezone.now(), expected_revisions=revisions)
            return self.represent(rollout_id)

    def represent(self, rollout_id: uuid.UUID, *, status: int = 200) -> Response:
        found = list(Rollout.objects.select_related("firmware").prefetch_related("waves").filter(pk=rollout_id))
        if not found:
            raise RolloutNotFound
        headers = {"ETag": etag(found[0].revision)}
        return Response(rollout_representations(found)[0], status=status, headers=headers)
