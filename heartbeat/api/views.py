"""`/api/heartbeat`, and the history of a site's heartbeats."""

import json
import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer

from accounts.api.actor import ActorMixin
from common.api.paging import CursorPages
from common.api.parsing import json_body
from common.api.problems import exception_handler
from common.api.query import CursorQuery, refuse_unknown
from common.api.views import APIView, etag
from common.instants import format_instant, parse_instant
from common.metrics import count
from heartbeat.api.reports import read_report
from heartbeat.api.serializers import (
    AgentRunSerializer,
    DismissCloneSerializer,
    HeartbeatSerializer,
    ReplySerializer,
    ReportSerializer,
)
from heartbeat.clones import dismiss_clone
from heartbeat.errors import InvalidSiteCredentials, SiteCallsTooOften, TooManyFailures
from heartbeat.failures import count_failure
from heartbeat.metrics import (
    FAILED,
    HEARTBEATS,
    INVALID,
    LICENSED,
    LOCKED,
    REFUSED_KEY,
    TOO_MANY_FAILURES,
    TOO_OFTEN,
    UNLICENSED,
)
from heartbeat.models import AgentRun, Heartbeat
from heartbeat.refused_calls import RefusedCall, refused_calls
from heartbeat.services import SiteCredentials, parse_site_id, record_heartbeat
from sites.api.serializers import SiteSerializer
from sites.errors import SiteNotFound
from sites.models import Site
from sites.validation import read_site_id

JSON = "application/json"
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=format_instant).encode

REFUSALS: dict[type[Exception], str] = {
    InvalidSiteCredentials: REFUSED_KEY,
    TooManyFailures: TOO_MANY_FAILURES,
    SiteCallsTooOften: TOO_OFTEN,
}


class HeartbeatView(APIView):
    """Local backends call this view. They are not users: the service checks the credentials in their two headers.

    After an outage all of them call at once, so this view skips DRF's request, negotiation, authentication and output,
    which cost more than the heartbeat itself. DRF's fields still validate the body, `exception_handler` still answers
    errors, and the API's description is still generated from this class.
    """

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    security_schemes = ("siteId", "siteKey")  # as in SPECTACULAR_SETTINGS
    problem_statuses = (400, 401, 429)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        try:
            return self.post(request)
        except Exception as error:  # as DRF's own dispatch does
            response = exception_handler(error, {})
            count(HEARTBEATS, verdict_of_refusal(error, response.status_code))
            return response

    @extend_schema(
        operation_id="send_heartbeat",
        summary="Check in",
        tags=["heartbeat"],
        request=ReportSerializer,
        responses=ReplySerializer,
        examples=[
            OpenApiExample("report", {"version": "1.0.0", "uptime_seconds": 12345}, request_only=True),
            OpenApiExample(
                "reply",
                {
                    "licensed": True,
                    "locked": False,
                    "lock_reason": None,
                    "expires_at": "2026-12-31T00:00:00Z",
                    "server_time": "2026-06-01T12:00:00Z",
                    "next_heartbeat_seconds": 21540,
                    "lease": None,
                    "doorbell": "https://licenses.example.com/doorbell",
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Report that the site is running. The reply says whether it is licensed and locked.

        A site that is locked, inactive or past its licence gets 200 as well, with the reason, so that it also notices when
        it is unlocked or licensed again. All wrong credentials get the same 401 `invalid_site_credentials`.
        `next_heartbeat_seconds` says when to call again; a site may call 60 times a minute.
        """
        if request.META.get("QUERY_STRING"):
            refuse_unknown(request.GET, known=set())
        site_id, key = request.META.get("HTTP_X_SITE_ID"), request.META.get("HTTP_X_SITE_KEY")
        if site_id is None or key is None:
            raise InvalidSiteCredentials
        report = read_report(json_body(request))
        ip, at = request.client_address, timezone.now()
        try:
            reply = record_heartbeat(SiteCredentials(site_id, key), report, ip=ip, at=at)
        except InvalidSiteCredentials:
            count_failure(ip)
            refused_calls.note(RefusedCall(parse_site_id(site_id), ip, at))
            raise
        count(HEARTBEATS, LOCKED if reply.locked else LICENSED if reply.licensed else UNLICENSED)
        body = encode(vars(reply)).encode()  # the fields of Reply, as ReplySerializer describes them
        headers = {"Cache-Control": "no-store", "Content-Length": str(len(body))}
        return HttpResponse(body, content_type=JSON, headers=headers)


def verdict_of_refusal(error: Exception, status: int) -> str:
    if status >= 500:
        return FAILED
    return next((verdict for kind, verdict in REFUSALS.items() if isinstance(error, kind)), INVALID)


def instant_position(value: str) -> datetime:
    """Parse the time in a cursor, which has a space in place of the `T`. Raises ValueError."""
    return parse_instant(value.replace(" ", "T", 1))


class HeartbeatPages(CursorPages):
    ordering = ("-received_at", "-id")
    position = staticmethod(instant_position)


class RunPages(CursorPages):
    ordering = ("-first_seen_at", "-id")
    position = staticmethod(instant_position)


class RowsOfSiteView(APIView):
    """A list of what a live site has, newest first."""

    required_permissions = {"get": "heartbeat.view_heartbeat"}
    query_serializer = CursorQuery
    problem_statuses = (400, 401, 403, 404)
    pagination_class: type[CursorPages]
    serializer_class: type[ModelSerializer[Any]]

    def rows_of(self, site_id: uuid.UUID) -> QuerySet[Any]:
        raise NotImplementedError

    def page(self, request: Request, site_id: str) -> Response:
        wanted: uuid.UUID = read_site_id(site_id)
        if not Site.objects.live().filter(pk=wanted).exists():
            raise SiteNotFound
        pages = self.pagination_class()
        page = pages.paginate_queryset(self.rows_of(wanted), request, view=self)
        return pages.get_paginated_response(self.serializer_class(page, many=True).data)


class SiteHeartbeatsView(RowsOfSiteView):
    pagination_class = HeartbeatPages
    serializer_class = HeartbeatSerializer

    def rows_of(self, site_id: uuid.UUID) -> QuerySet[Any]:
        return Heartbeat.objects.of_site(site_id).newest_first()

    @extend_schema(
        operation_id="list_site_heartbeats",
        summary="List the heartbeats of a site",
        tags=["sites"],
        parameters=[CursorQuery],
        responses=HeartbeatSerializer(many=True),
    )
    def get(self, request: Request, site_id: str) -> Response:
        """The site's heartbeats and the replies to them, newest first."""
        return self.page(request, site_id)


class SiteInstancesView(RowsOfSiteView):
    pagination_class = RunPages
    serializer_class = AgentRunSerializer

    def rows_of(self, site_id: uuid.UUID) -> QuerySet[Any]:
        return AgentRun.objects.of_site(site_id).newest_first()

    @extend_schema(
        operation_id="list_site_instances",
        summary="List the installations and boots of a site's agent",
        tags=["sites"],
        parameters=[CursorQuery],
        responses=AgentRunSerializer(many=True),
    )
    def get(self, request: Request, site_id: str) -> Response:
        """A row for each boot, that is for each start of the agent; the newest 20 boots, newest first."""
        return self.page(request, site_id)


class DismissCloneView(ActorMixin, APIView):
    required_permissions = {"post": "sites.dismiss_clone"}
    problem_statuses = (400, 401, 403, 404)

    @extend_schema(
        operation_id="dismiss_clone",
        summary="Dismiss the suspicion that two installations use a site's key",
        tags=["sites"],
        request=DismissCloneSerializer,
        responses=SiteSerializer,
        examples=[OpenApiExample("a note", {"note": "A test machine of ours."}, request_only=True)],
    )
    def post(self, request: Request, site_id: str) -> Response:
        """If nothing is suspected, nothing changes. Further heartbeats of both boots raise the suspicion again."""
        wanted = read_site_id(site_id)
        body = DismissCloneSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        at = timezone.now()
        # One transaction: the answer shows this very change, not a later one.
        with transaction.atomic():
            dismiss_clone(wanted, by=self.actor(), at=at, **body.validated_data)
            site = Site.objects.live().with_state(at=at).get(pk=wanted)
        return Response(SiteSerializer(site).data, headers={"ETag": etag(site.revision)})
