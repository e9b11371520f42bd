"""`/api/heartbeat`, and what a site's heartbeats were."""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django_ratelimit.core import get_usage
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import APIView
from common.client_address import address_bucket
from common.fields import parse_instant
from common.pagination import CursorPages
from heartbeat.api.serializers import HeartbeatAnswerSerializer, HeartbeatSerializer, ReportSerializer
from heartbeat.errors import InvalidSiteCredentials, TooManyFailures
from heartbeat.models import Heartbeat
from heartbeat.services import Report, SiteCredentials, record_heartbeat
from sites.api.paths import path_site_id
from sites.api.serializers import CursorQuery
from sites.errors import SiteNotFound
from sites.models import Site


class HeartbeatView(APIView):
    """Local backends call here. They are no users: their credentials are two headers, checked by the service."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    site_key_authenticated = True  # for the API's description
    problem_statuses = (400, 401, 429)

    @extend_schema(
        operation_id="heartbeat",
        summary="Check in",
        tags=["heartbeat"],
        request=ReportSerializer,
        responses=HeartbeatAnswerSerializer,
        examples=[
            OpenApiExample("report", {"version": "1.0.0", "uptime_seconds": 12345}, request_only=True),
            OpenApiExample(
                "verdict",
                {
                    "licensed": True,
                    "locked": False,
                    "lock_reason": None,
                    "expires_at": "2026-12-31T00:00:00Z",
                    "server_time": "2026-06-01T12:00:00Z",
                    "next_heartbeat_seconds": 21540,
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Say that the site is alive, and learn the verdict.

        A site that is locked, inactive or past its licence gets 200 as well, with the verdict, so that it can always learn
        why, and be released. 401 `invalid_site_credentials` is the same for every kind of wrong credentials.
        `next_heartbeat_seconds` says when to call again; a site may call 60 times a minute.
        """
        site_id, key = request.headers.get("X-Site-ID"), request.headers.get("X-Site-Key")
        if site_id is None or key is None:
            raise InvalidSiteCredentials
        body = ReportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        ip = request._request.client_address
        try:
            answer = record_heartbeat(
                SiteCredentials(site_id, key), Report(**body.validated_data), ip=ip, at=timezone.now()
            )
        except InvalidSiteCredentials:
            refuse_flood(request, ip)
            raise
        return Response(HeartbeatAnswerSerializer(answer).data)


def refuse_flood(request: Request, ip: str | None) -> None:
    """Count a failure of this address. Raises TooManyFailures over the limit.

    Only failures are counted and only failures are refused: a flood, wherever it comes from, costs no site its answer.
    """
    usage = get_usage(
        request._request,
        group="heartbeat-failures",
        key=lambda *_: address_bucket(ip),
        rate=(settings.HEARTBEAT_FAILURES_PER_MINUTE, 60),
        increment=True,
    )
    if usage is not None and usage["should_limit"]:
        raise TooManyFailures(retry_after_seconds=usage["time_left"])


def instant_position(value: str) -> datetime:
    """The time in a cursor, which Python wrote with a space. Raises ValueError."""
    return parse_instant(value.replace(" ", "T", 1))


class HeartbeatPages(CursorPages):
    ordering = ("-received_at", "-id")
    position = staticmethod(instant_position)


class SiteHeartbeatsView(APIView):
    required_permissions = {"get": "heartbeat.view_heartbeat"}
    query_serializer = CursorQuery
    pagination_class = HeartbeatPages
    problem_statuses = (400, 401, 403, 404)

    @extend_schema(
        operation_id="site_heartbeats",
        summary="What a site reported",
        tags=["sites"],
        parameters=[CursorQuery],
        responses=HeartbeatSerializer(many=True),
    )
    def get(self, request: Request, site_id: str) -> Response:
        """The site's heartbeats and what it was told, newest first."""
        wanted: uuid.UUID = path_site_id(site_id)
        if not Site.objects.live().filter(pk=wanted).exists():
            raise SiteNotFound
        pages = self.pagination_class()
        page = pages.paginate_queryset(Heartbeat.objects.of_site(wanted).newest_first(), request, view=self)
        return pages.get_paginated_response(HeartbeatSerializer(page, many=True).data)
