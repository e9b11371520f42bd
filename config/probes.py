"""`/health`: does the database answer? `/health/live`: does the process?"""

import logging
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from django.conf import settings
from django.db import Error, connection
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.views import APIView

DEADLINE_SECONDS = 1.5
log = logging.getLogger("portcullis.health")
# Beside the request's own thread, which must answer in time even when the database never does. Two are enough: while
# they hang, every other probe runs into its deadline as well.
probes = ThreadPoolExecutor(max_workers=2, thread_name_prefix="health")

STATE = inline_serializer(
    "Health", {"status": serializers.ChoiceField(choices=["ok", "unavailable"]), "version": serializers.CharField()}
)


def ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def database_answers() -> bool:
    probe = probes.submit(ask_database)
    try:
        probe.result(timeout=DEADLINE_SECONDS)
    except (Error, FutureTimeoutError) as error:
        probe.cancel()  # one that has not begun need not be asked any more
        log.error("the database does not answer: %s", error or type(error).__name__)
        return False
    return True


class ProbeView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def known_query_parameters(self) -> set[str] | None:
        """Any: a monitor may add one to get past a cache."""
        return None


class HealthView(ProbeView):
    @extend_schema(operation_id="health", summary="Ready?", tags=["service"], responses={200: STATE, 503: STATE})
    def get(self, request: Request) -> Response:
        """200 when the database answers, else 503 within 2 seconds."""
        if database_answers():
            return Response({"status": "ok", "version": settings.VERSION})
        return Response(
            {"status": "unavailable", "version": settings.VERSION}, status=503, headers={"Retry-After": "5"}
        )


class LiveView(ProbeView):
    @extend_schema(operation_id="live", summary="Alive?", tags=["service"], responses=STATE)
    def get(self, request: Request) -> Response:
        """200 as long as the process runs."""
        return Response({"status": "ok", "version": settings.VERSION})
