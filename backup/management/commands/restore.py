from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from audit.actors import COMMAND
from backup.services import restore_backup
from common.commands import DomainCommand


class Command(DomainCommand):
    help = "Replace the content of the database with a backup, and migrate it. Stop the servers first."

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--overwrite", default="", metavar="NAME", help="the name of the database, to replace one that is not empty"
        )
        parser.add_argument(
            "--without-secrets",
            action="store_true",
            help="restore although SITE_KEY_PEPPER, TWO_FACTOR_KEY, LEASE_KEY_SECRET or ALERT_CHANNEL_SECRET has changed since"
            " the backup was made",
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        done = restore_backup(
            options["file"],
            overwrite=options["overwrite"],
            without_secrets=options["without_secrets"],
            by=COMMAND,
            at=timezone.now(),
        )
        if done.finding:
            raise CommandError(f"The database is restored, but the audit in the backup was changed: {done.finding}")
        representation = {
            "made_at": done.manifest.made_at,
            "sites": done.sites,
            "refused_keys": done.refused_keys,
        }
        refused = f"{done.refused_keys} keys of sites are refused: their pepper is not in SITE_KEY_PEPPER."
        return representation, [
            f"Restored the backup of {done.manifest.made_at}: {done.sites} sites. The audit is as it was written.",
            *([refused] if done.refused_keys else []),
            "All sign-ins have ended. Changes since the backup are lost: see 'After a restore' in docs/backup.md.",
        ]
