import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit.chain import first_finding
from audit.erasure import erasures_as_json
from audit.models import Event
from audit.snapshot import one_snapshot
from common.commands import DomainCommand
from common.errors import Conflict


class AuditWasChanged(Conflict):
    code = "audit_was_changed"
    title = "The audit log was changed"


class Command(DomainCommand):
    help = (
        "Look for an event that was changed, removed or inserted past the triggers. Names the first one, with exit code 1."
        " Lists the erasures on record."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--kept", type=Path, help="a file with the checkpoints that `checkpoint_audit` printed")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        kept = read_kept(options["kept"]) if options["kept"] else ()
        with one_snapshot():  # an erasure may be committed meanwhile
            finding, count, erasures = first_finding(kept), Event.objects.count(), erasures_as_json()
        if finding:
            if options["json"]:
                self.stdout.write(json.dumps(asdict(finding)))
            raise AuditWasChanged(finding.words)
        lines = [f"All {count} events are as they were written{', or erased on record' if erasures else ''}."]
        return {"events": count, "finding": None, "erasures": erasures}, [*lines, *map(erasure_line, erasures)]


def erasure_line(erasure: dict[str, Any]) -> str:
    return (
        "{at}: the contents of {events} events were erased, for {subject_type} {subject_id}; requested by {requested_by},"
        " confirmed by {confirmed_by} (event {event_id})."
    ).format(**erasure)


def read_kept(file: Path) -> list[dict[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        kept = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    if not kept:
        raise CommandError(f"{file} holds no checkpoint.")
    if not all(isinstance(each, dict) and {"at", "last_sequence", "hash"} <= each.keys() for each in kept):
        raise CommandError(f"{file} holds a line that is no checkpoint.")
    return kept
