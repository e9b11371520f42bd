import time
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.services import prune_token_families
from common.commands import DomainCommand
from common.counters import SqlCounterCache
from common.errors import InvalidInput
from heartbeat.pruning import prune_heartbeats
from idempotency.services import KEPT_FOR, prune_idempotent_requests
from sites.imports.services import KEPT_FOR as IMPORTS_KEPT_FOR
from sites.imports.services import prune_imports


class Command(DomainCommand):
    help = (
        "Delete old heartbeats, and expired imports, tokens, sessions, stored answers and counters. Run it once a day."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--heartbeat-days", type=int, help="keep that many days of heartbeats")
        parser.add_argument("--batch-size", type=int, default=5000)

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        at = timezone.now()
        days = options["heartbeat_days"]
        if (days is not None and not 1 <= days <= 36_500) or not 1 <= options["batch_size"] <= 100_000:
            raise InvalidInput("--heartbeat-days must be 1 to 36500 and --batch-size 1 to 100000.")
        keep = settings.HEARTBEAT_HISTORY if days is None else timedelta(days=days)
        deleted = {
            "heartbeats": self.prune_heartbeats(received_before=at - keep, batch_size=options["batch_size"]),
            "token_families": prune_token_families(expired_before=at),
            "site_imports": prune_imports(created_before=at - IMPORTS_KEPT_FOR),
            "idempotent_requests": prune_idempotent_requests(created_before=at - KEPT_FOR),
        }
        counters = caches["sign_in_counters"]
        assert isinstance(counters, SqlCounterCache)
        while counters.drop_expired():
            pass
        import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
        return deleted, [f"Deleted {count} {name.replace('_', ' ')}." for name, count in deleted.items()]

    def prune_heartbeats(self, **facts: Any) -> int:
        """In batches of a transaction each, so that a heartbeat never waits for long.

        After each it rests for as long as the batch took: most of the machine remains to those who call meanwhile.
        """
        total, started = 0, time.monotonic()
        while deleted := prune_heartbeats(**facts):
            total += deleted
            time.sleep(time.monotonic() - started)
            started = time.monotonic()
        return total
