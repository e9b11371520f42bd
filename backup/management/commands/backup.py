from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from backup.services import make_backup
from common.commands import DomainCommand
from common.errors import InvalidInput


class Command(DomainCommand):
    help = (
        "Back the database up into a new file, verify it, and delete old backups. The servers may run. The secrets of the"
        " settings are not in it: keep SITE_KEY_PEPPER, SECRET_KEY and TWO_FACTOR_KEY elsewhere."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, default=settings.BACKUP_FOLDER, help="by default BACKUP_FOLDER")
        parser.add_argument("--keep-daily", type=int, default=settings.BACKUP_KEEP_DAILY, metavar="DAYS")
        parser.add_argument("--keep-weekly", type=int, default=settings.BACKUP_KEEP_WEEKLY, metavar="WEEKS")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        daily, weekly = options["keep_daily"], options["keep_weekly"]
        if daily < 1 or weekly < 0:
            raise InvalidInput("--keep-daily must be at least 1, and --keep-weekly at least 0.")
        new = make_backup(options["folder"], keep_daily=daily, keep_weekly=weekly, at=timezone.now())
        rows = new.manifest.rows
        representation = {
            "file": str(new.file),
            "bytes": new.size,
            "seconds": round(new.seconds, 1),
            "made_at": new.manifest.made_at,
            "sites": rows["sites_site"],
            "events": rows["audit_event"],
            "deleted": [str(file) for file in new.deleted],
        }
        return representation, [
            f"{new.file} has {new.size / 1e6:.1f} MB, {rows['sites_site']} sites and {rows['audit_event']} events,"
            f" and was read back after {new.seconds:.1f} s.",
            *(f"Deleted {file.name}." for file in new.deleted),
            "Not in it: SITE_KEY_PEPPER, SECRET_KEY and TWO_FACTOR_KEY. Keep them elsewhere; no backup works without them.",
        ]
