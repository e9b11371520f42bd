from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from sites.commands import read_options, represent
from sites.limits import MAX_REASON_LENGTH
from sites.services import lock_site
from sites.validation import read_site_id


class Command(DomainCommand):
    help = "Refuse service to a site from its next heartbeat on."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("site_id", metavar="SITE_ID")
        parser.add_argument(
            "--reason", required=True, help=f"what the restaurant reads, 1 to {MAX_REASON_LENGTH} characters"
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        facts = read_options(options, "reason")
        at = timezone.now()
        site = represent(lock_site(read_site_id(options["site_id"]), by=COMMAND, at=at, **facts), at=at)
        return site, [f"Locked {site['name']}: {site['lock_reason']}"]
