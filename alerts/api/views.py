"""`/api/incidents` and `/api/alert-channels`. Each method reads the request, calls one service and prints the answer."""

import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from alerts.api.serializers import (
    AcknowledgeSerializer,
    ChannelFacts,
    ChannelSerializer,
    CreatedChannelSerializer,
    DeliverySerializer,
    IncidentQuery,
    IncidentSerializer,
    NewChannelSerializer,
    TestResultSerializer,
)
from alerts.channels import services as channels
from alerts.channels.transports.outcome import Verdict
from alerts.errors import ChannelNotFound, DeliveryNotFound, IncidentNotFound
from alerts.incidents.services import acknowledge_incident
from alerts.models import AlertChannel, Delivery, Incident
from alerts.outbox import requests
from common.api.paging import CursorPages, NumberedPages, bigint_position
from common.api.query import CursorQuery, PageQuery
from common.api.views import ViewSet
from common.errors import DomainError


class SequencePages(CursorPages):
    ordering = "-sequence"
    position = staticmethod(bigint_position)


def read_id(value: str, missing: type[DomainError]) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError as error:
        raise missing from error


class IncidentViewSet(ActorMixin, ViewSet):
    """What somebody should know, and who takes care of it."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = Incident.objects.none()
    serializer_class = IncidentSerializer
    pagination_class = SequencePages
    required_permissions = {
        "list": "alerts.view_incident",
        "retrieve": "alerts.view_incident",
        "acknowledge": "alerts.acknowledge_incident",
    }
    problems_by_action = {
        "list": (400, 401, 403),
        "retrieve": (400, 401, 403, 404),
        "acknowledge": (400, 401, 403, 404, 409),
    }
    queries = {"list": IncidentQuery}

    @extend_schema(operation_id="list_incidents", summary="List incidents", tags=["alerts"], parameters=[IncidentQuery])
    def list(self, request: Request) -> Response:
        """Newest first."""
        query = self.read_query()
        incidents = Incident.objects.newest_first().select_related("acknowledged_by")
        incidents = incidents.filter(**{name: query[name] for name in ("state", "kind", "severity") if name in query})
        if "site_id" in query:
            incidents = incidents.of_site(query["site_id"])
        page = self.paginate_queryset(incidents)
        return self.get_paginated_response(IncidentSerializer(page, many=True).data)

    @extend_schema(operation_id="get_incident", summary="Read an incident", tags=["alerts"])
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        incident = Incident.objects.select_related("acknowledged_by").filter(id=read_id(id, IncidentNotFound)).first()
        if incident is None:
            raise IncidentNotFound
        return Response(IncidentSerializer(incident).data)

    @extend_schema(
        operation_id="acknowledge_incident",
        summary="Acknowledge an incident",
        tags=["alerts"],
        request=AcknowledgeSerializer,
        responses=IncidentSerializer,
        examples=[OpenApiExample("a note", {"note": "Calling the restaurant."}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, id: str) -> Response:  # noqa: A002
        """Say that you take care. A second time it changes nothing. A resolved incident is 409 `already_resolved`."""
        note = self.read_body(AcknowledgeSerializer).get("note")
        incident_id = read_id(id, IncidentNotFound)
        incident = acknowledge_incident(incident_id, by=self.actor(), at=timezone.now(), note=note)
        return Response(IncidentSerializer(incident).data)


class AlertChannelViewSet(ActorMixin, ViewSet):
    """Where incidents are told: by e-mail, in Slack, by PagerDuty, to a webhook."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = AlertChannel.objects.none()
    serializer_class = ChannelSerializer
    pagination_class = NumberedPages
    required_permissions = dict.fromkeys(
        ("list", "retrieve", "create", "partial_update", "destroy", "test", "deliveries", "retry"),
        "alerts.manage_channels",
    )
    # As the panel asks for a confirmation: incidents are told to a new address.
    person_required = ("create", "partial_update")
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "create": (400, 401, 403),
        "partial_update": (400, 401, 403, 404),
        "destroy": (400, 401, 403, 404),
        "test": (400, 401, 403, 404),
        "deliveries": (400, 401, 403, 404),
        "retry": (400, 401, 403, 404, 409),
    }
    queries = {"list": PageQuery, "deliveries": CursorQuery}

    @extend_schema(operation_id="list_alert_channels", summary="List channels", tags=["alerts"], parameters=[PageQuery])
    def list(self, request: Request) -> Response:
        self.read_query()
        shared = AlertChannel.objects.shared().order_by("name", "pk")
        page = list(shared[self.paginator.rows(request)])
        return self.paginator.response(request, ChannelSerializer(page, many=True).data, total=shared.count())

    @extend_schema(
        operation_id="create_alert_channel",
        summary="Create a channel",
        tags=["alerts"],
        request=NewChannelSerializer,
        responses={201: CreatedChannelSerializer},
        examples=[
            OpenApiExample(
                "a mailbox", {"kind": "email", "name": "On call", "address": "oncall@vendor.example"}, request_only=True
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """A webhook's `signing_secret` is in this answer only."""
        facts = self.read_body(NewChannelSerializer)
        created = channels.create_channel(facts.pop("kind"), facts, by=self.actor(), at=timezone.now())
        body = dict(ChannelSerializer(created.channel).data)
        if created.signing_secret:
            body["signing_secret"] = created.signing_secret
        return Response(body, status=201, headers={"Location": f"{request.path.rstrip('/')}/{created.channel.pk}"})

    @extend_schema(operation_id="get_alert_channel", summary="Read a channel", tags=["alerts"])
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002
        return Response(ChannelSerializer(self.channel(id)).data)

    @extend_schema(
        operation_id="update_alert_channel",
        summary="Change a channel",
        tags=["alerts"],
        request=ChannelFacts,
        responses=ChannelSerializer,
        examples=[OpenApiExample("less often", {"min_severity": "critical"}, request_only=True)],
    )
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        """What is left out stays as it is. `kind` cannot be changed."""
        facts = self.read_body(ChannelFacts, partial=True)
        channel_id = read_id(id, ChannelNotFound)
        channel = channels.change_channel(channel_id, facts, by=self.actor(), at=timezone.now())
        return Response(ChannelSerializer(channel).data)

    @extend_schema(operation_id="delete_alert_channel", summary="Delete a channel", tags=["alerts"])
    def destroy(self, request: Request, id: str) -> Response:  # noqa: A002
        """Also its deliveries, those that wait included."""
        channels.delete_channel(read_id(id, ChannelNotFound), by=self.actor(), at=timezone.now())
        return Response(status=204)

    @extend_schema(
        operation_id="test_alert_channel",
        summary="Send a test message",
        tags=["alerts"],
        request=None,
        responses=TestResultSerializer,
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, id: str) -> Response:  # noqa: A002
        """It waits for the answer, and is 200 also if the message did not arrive."""
        outcome = requests.test_channel(read_id(id, ChannelNotFound), by=self.actor(), at=timezone.now())
        return Response(
            {
                "delivered": outcome.verdict == Verdict.DELIVERED,
                "status": outcome.status,
                "detail": outcome.detail,
            }
        )

    @extend_schema(
        operation_id="list_alert_deliveries",
        summary="List what was sent on a channel",
        tags=["alerts"],
        parameters=[CursorQuery],
        responses=DeliverySerializer(many=True),
    )
    @action(detail=True, methods=["get"], pagination_class=SequencePages)
    def deliveries(self, request: Request, id: str) -> Response:  # noqa: A002
        """Newest first, also what waits and what has failed."""
        self.read_query()
        of_channel = Delivery.objects.filter(channel=self.channel(id)).newest_first().select_related("incident")
        page = self.paginate_queryset(of_channel)
        return self.get_paginated_response(DeliverySerializer(page, many=True).data)

    @extend_schema(
        operation_id="retry_alert_delivery",
        summary="Send a failed message again",
        tags=["alerts"],
        request=None,
        responses=DeliverySerializer,
    )
    @action(detail=True, methods=["post"], url_path="deliveries/(?P<delivery>[^/]+)/retry")
    def retry(self, request: Request, id: str, delivery: str) -> Response:  # noqa: A002
        """It is tried again for three days, with the same id."""
        channel_id, delivery_id = read_id(id, ChannelNotFound), read_id(delivery, DeliveryNotFound)
        sent = requests.send_again(channel_id, delivery_id, by=self.actor(), at=timezone.now())
        return Response(DeliverySerializer(sent).data)

    def channel(self, id: str) -> AlertChannel:  # noqa: A002
        channel: Any = AlertChannel.objects.shared().filter(pk=read_id(id, ChannelNotFound)).first()
        if channel is None:
            raise ChannelNotFound
        return channel
