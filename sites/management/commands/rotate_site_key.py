from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand, checked
from sites.api.serializers import RotateSerializer, RotationSerializer
from sites.commands import read_site_id
from sites.services import rotate_key


class Command(DomainCommand):
    help = "Make a new key for a site and print it, which is shown here once and never again."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("site_id", metavar="SITE_ID")
        parser.add_argument(
            "--overlap-hours", type=int, help="how long the old key works on, 0 to 168; 24 when left out"
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        facts = checked(RotateSerializer, options, "overlap_hours")
        rotation = rotate_key(
            read_site_id(options["site_id"]),
            by=COMMAND,
            at=timezone.now(),
            overlap=timedelta(hours=facts["overlap_hours"]),
        )
        shown = RotationSerializer(rotation).data
        return shown, [
            f"New secret key of {rotation.site.name}: {rotation.secret_key}",
            f"The old one works until {shown['previous_key_expires_at']}, or until the new one was used twice.",
        ]
