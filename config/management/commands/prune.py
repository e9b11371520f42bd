from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.prune import prune_sign_ins
from alerts.prune import prune_alerts
from common.commands import DomainCommand
from common.counters import prune_counters
from common.errors import InvalidInput
from documents.files.prune import prune_files
from documents.shares.prune import prune_share_links
from erasure.prune import prune_erasure_requests
from fleet.devices.prune import prune_enrolment_codes
from fleet.firmware.prune import prune_firmware_uploads
from fleet.heartbeats.prune import prune_device_history
from fleet.telemetry.prune import prune_telemetry
from heartbeat.prune import BATCH_SIZE, prune_heartbeats
from heartbeat.thinning import DAYS_LOOKED_AT, thin_heartbeats
from idempotency.prune import prune_idempotent_requests
from sites.imports.prune import prune_site_imports


class Command(DomainCommand):
    help = (
        "Delete old heartbeats, incidents and messages about them, and expired imports, tokens, sessions, links, stored"
        " answers, requests and counters. Run it once a day."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--heartbeat-days", type=int, help="keep that many days of heartbeats")
        parser.add_argument(
            "--thin-days",
            type=int,
            default=DAYS_LOOKED_AT,
            help="thin that many days of the history of sites that call too often; more than 7 after an upgrade",
        )
        parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        days, batch_size = options["heartbeat_days"], options["batch_size"]
        if (days is not None and not 1 <= days <= 36_500) or not 1 <= batch_size <= 100_000:
            raise InvalidInput("--heartbeat-days must be 1 to 36500 and --batch-size 1 to 100000.")
        if not 0 <= options["thin_days"] <= 36_500:
            raise InvalidInput("--thin-days must be 0 to 36500.")
        keep = settings.HEARTBEAT_HISTORY if days is None else timedelta(days=days)
        # One function for each app. It takes `at` and returns the number of deleted rows of each kind.
        prune_functions: list[Callable[..., dict[str, int]]] = [
            partial(prune_heartbeats, keep=keep, batch_size=batch_size),
            partial(thin_heartbeats, days=options["thin_days"], batch_size=batch_size),
            prune_sign_ins,
            prune_site_imports,
            prune_share_links,
            prune_erasure_requests,
            prune_idempotent_requests,
            prune_alerts,
            prune_telemetry,
            prune_device_history,
            prune_enrolment_codes,
            prune_counters,
            # Last, because a storage that does not answer ends the command.
            prune_firmware_uploads,
            prune_files,
        ]
        at = timezone.now()
        deleted: dict[str, int] = {}
        for prune in prune_functions:
            deleted |= prune(at=at)
        return deleted, [line(name.replace("_", " "), count) for name, count in deleted.items()]


def line(what: str, count: int) -> str:
    if " not " in what:
        command = "partition_history" if what.startswith("heartbeat") else "partition_telemetry"
        return f"{count} {what}: the table belongs to another role. Run {command} with its DATABASE_URL."
    return f"Deleted {count} {what}."
