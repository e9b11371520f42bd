import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from common.jobs.registry import registered_jobs
from common.jobs.worker import Worker

# Jobs may run long statements, but the thread that renews their leases must notice a database that hangs.
DEADLINE_SECONDS = 4.0


class Command(BaseCommand):
    help = "Run the periodic jobs until a signal stops it. Several workers may run, on any number of machines."

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(Worker(registered_jobs(), lease=settings.JOB_LEASE, before_look=limit_waits).work())


def limit_waits() -> None:
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        connection.connection.deadline_seconds = DEADLINE_SECONDS
