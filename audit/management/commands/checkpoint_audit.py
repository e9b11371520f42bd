import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from audit.chain import as_json
from audit.models import Checkpoint
from audit.services import add_checkpoint
from common.commands import DomainCommand


class Command(DomainCommand):
    help = (
        "Store a hash over the events since the last checkpoint, and print it. Run it once a day, and keep what it prints"
        " on another machine: `verify_audit --kept` compares it with the database."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, help="also append the checkpoint to this file, a line of JSON each")
        parser.add_argument(
            "--newest", action="store_true", help="print the newest checkpoint, also if there is no event since"
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        checkpoint = add_checkpoint(at=timezone.now())
        if checkpoint is None and options["newest"]:
            checkpoint = Checkpoint.objects.order_by("-last_sequence").first()
        if checkpoint is None:
            # Not on the standard output, which is kept.
            self.stderr.write("No event since the last checkpoint.")
            return None, []
        representation = as_json(checkpoint)
        line = json.dumps(representation)
        if options["file"]:
            append(options["file"], line)
        return representation, [line]


def append(file: Path, line: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as kept:
            kept.write(f"{line}\n")
    except OSError as error:
        # The checkpoint is stored; printed, it can still be kept.
        raise CommandError(f"{file} cannot be written: {error.strerror}. The checkpoint is: {line}") from error
