from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from licensing.commands import line
from licensing.representation import signing_key_representation
from licensing.services import activate_signing_key


class Command(DomainCommand):
    help = "Let a published key sign leases; the key that signed them until now is retired."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("kid", metavar="KID")
        parser.add_argument(
            "--now", action="store_true", help="skip the seven days in which the sites get to know the key"
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        key = activate_signing_key(options["kid"], by=COMMAND, at=timezone.now(), now=options["now"])
        return signing_key_representation(key), [line(key)]
