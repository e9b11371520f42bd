from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from sites.commands import read_options
from sites.limits import DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS
from sites.representation import rotation_representation
from sites.services import rotate_key
from sites.validation import read_site_id


class Command(DomainCommand):
    help = "Make a new key for a site and print it, which is shown here once and never again."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("site_id", metavar="SITE_ID")
        parser.add_argument(
            "--overlap-hours",
            type=int,
            default=DEFAULT_OVERLAP_HOURS,
            help=f"how long the old key keeps working, 0 to {MAX_OVERLAP_HOURS}; %(default)s if left out",
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        facts = read_options(options, "overlap_hours")
        rotation = rotate_key(
            read_site_id(options["site_id"]),
            by=COMMAND,
            at=timezone.now(),
            overlap=timedelta(hours=facts["overlap_hours"]),
        )
        shown = rotation_representation(rotation)
        return shown, [
            f"New secret key of {rotation.site.name}: {rotation.secret_key}",
            f"The old one works until {shown['previous_key_expires_at']}, or until the new one was used twice.",
        ]
