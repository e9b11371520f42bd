import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from alerts.outbox.deliverer import Deliverer
from common.jobs.registry import registered_jobs
from common.jobs.worker import Worker

# Jobs may run long statements, but the thread that renews their leases must notice a database that hangs.
DEADLINE_SECONDS = 4.0


class Command(BaseCommand):
    help = (
        "Run the periodic jobs and deliver alerts, until a signal stops it. Several workers may run, on any machines."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        deliverer = Deliverer(before_look=limit_waits)
        deliverer.start()
        try:
            code = Worker(registered_jobs(), lease=settings.JOB_LEASE, before_look=limit_waits).work()
        finally:
            deliverer.stop()
        sys.exit(code)


def limit_waits() -> None:
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        connection.connection.deadline_seconds = DEADLINE_SECONDS
