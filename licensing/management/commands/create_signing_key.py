from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from common.commands import DomainCommand
from licensing.commands import line
from licensing.representation import signing_key_representation
from licensing.services import create_signing_key


class Command(DomainCommand):
    help = "Make a key for leases. The first one signs at once; a further one is published, so that the sites get to know it."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--if-none", action="store_true", help="do nothing if there is a signing key already, as after a migration"
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        key = create_signing_key(by=COMMAND, at=timezone.now(), unless_there_is_one=options["if_none"])
        return signing_key_representation(key), [line(key)]
