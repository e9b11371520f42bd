from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from sites.commands import read_options, represent
from sites.services import unlock_site
from sites.validation import read_site_id


class Command(DomainCommand):
    help = "Give service back to a site from its next heartbeat on."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("site_id", metavar="SITE_ID")
        parser.add_argument("--note", help="for the history")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        facts = read_options(options, "note")
        at = timezone.now()
        site = represent(unlock_site(read_site_id(options["site_id"]), by=COMMAND, at=at, **facts), at=at)
        return site, [f"Unlocked {site['name']}."]
