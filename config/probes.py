"""`/health` says whether the database answers, `/health/live` whether the process does."""

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
# The probe runs in a thread of its own, so that the request is answered in time even if the database hangs. Two threads
# are enough: while both hang, other probes reach their deadline too.
probes = ThreadPoolExecutor(max_workers=2, thread_name_prefix="health")

STATE = inline_serializer(
    "Health", {"status": serializers.ChoiceField(choices=["ok", "unavailable"]), "version": serializers.CharField()}
)


def query_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def database_answers() -> bool:
    probe = probes.submit(query_database)
    try:
        probe.result(timeout=DEADLINE_SECONDS)
    except (Error, FutureTimeoutError) as error:
        probe.cancel()  # if it has not started, it is not needed any more
        log.error("the database does not answer: %s", error or type(error).__name__)
        return False
    return True


class ProbeView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def known_query_parameters(self) -> set[str] | None:
        """Accept any: a monitor may add a parameter to avoid a cache."""
        return None


class HealthView(ProbeView):
    @extend_schema(operation_id="health", summary="Ready?", tags=["service"], responses={200: STATE, 503: STATE})
    def get(self, request: Request) -> Response:
        """200 if the database answers, otherwise 503 within 2 seconds."""
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
