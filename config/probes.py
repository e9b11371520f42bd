"""`/health` says whether the database answers and is migrated, `/health/live` whether the process answers."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import cache
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
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


# Once this process has seen the database migrated, it does not ask again.
migrated = threading.Event()


class NotMigrated(Exception):
    pass


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Those of this release, as (app, name). The database of a later release has more of them."""
    return frozenset(MigrationLoader(None).graph.nodes)


def query_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not migrated.is_set():
            missing = known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
            if missing:
                names = ", ".join(f"{app} {name}" for app, name in sorted(missing))
                raise NotMigrated(f"the database lacks migrations of this release: run manage.py migrate ({names})")
            migrated.set()
    finally:
        connection.close()


def database_is_ready() -> bool:
    known_migrations()  # read here, where no deadline runs
    probe = probes.submit(query_database)
    try:
        probe.result(timeout=DEADLINE_SECONDS)
    except NotMigrated as error:
        log.error("%s", error)
        return False
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
        """200 if the database answers and has the tables of this release, otherwise 503 within 2 seconds."""
        if database_is_ready():
            return Response({"status": "ok", "version": settings.VERSION})
        return Response(
            {"status": "unavailable", "version": settings.VERSION}, status=503, headers={"Retry-After": "5"}
        )


class LiveView(ProbeView):
    @extend_schema(operation_id="live", summary="Alive?", tags=["service"], responses=STATE)
    def get(self, request: Request) -> Response:
        """200 as long as the process runs."""
        return Response({"status": "ok", "version": settings.VERSION})
