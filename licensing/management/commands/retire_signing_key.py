from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from licensing.commands import line
from licensing.representation import signing_key_representation
from licensing.services import retire_signing_key


class Command(DomainCommand):
    help = "Delete the private half of a key. If it signs, the next published key takes over."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("kid", metavar="KID")
        parser.add_argument(
            "--now",
            action="store_true",
            help="after a leak: take it out of the public set at once, although leases of it are still valid",
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        key = retire_signing_key(options["kid"], by=COMMAND, at=timezone.now(), now=options["now"])
        return signing_key_representation(key), [line(key)]
