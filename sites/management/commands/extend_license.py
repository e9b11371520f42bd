from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from sites.commands import read_options, represent
from sites.limits import MAX_EXTENSION_DAYS
from sites.services import extend_license
from sites.validation import read_site_id


class Command(DomainCommand):
    help = "Let the licence of a site end later."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("site_id", metavar="SITE_ID")
        length = parser.add_mutually_exclusive_group(required=True)
        length.add_argument(
            "--days", type=int, help=f"1 to {MAX_EXTENSION_DAYS}, from the later of now and the present end"
        )
        length.add_argument("--until", help="such as 2027-12-31T00:00:00Z, later than the present end")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        facts = read_options(options, "days", "until")
        at = timezone.now()
        site = represent(extend_license(read_site_id(options["site_id"]), by=COMMAND, at=at, **facts), at=at)
        return site, [f"The licence of {site['name']} ends at {site['license_expires_at']}."]
