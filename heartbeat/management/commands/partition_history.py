from typing import Any

from django.conf import settings
from django.utils import timezone

from common.commands import DomainCommand
from heartbeat.partitions import partition_history, partitions


class Command(DomainCommand):
    help = (
        "Store the history of heartbeats in one partition for each month (PostgreSQL only), while heartbeats come in. "
        "Later runs drop the months that are too old, and make the coming ones."
    )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        converted = partition_history(at=timezone.now(), keep=settings.HEARTBEAT_HISTORY)
        names = [partition.name for partition in partitions()]
        first = "The history is partitioned now." if converted else "The history was partitioned already."
        return {"converted": converted, "partitions": names}, [first, f"{len(names)} partitions, up to {names[-1]}."]
