from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from backup.retention import hours, made_at, recent_backup
from backup.services import make_backup
from common.commands import DomainCommand
from common.errors import InvalidInput
from common.instants import format_instant


class Command(DomainCommand):
    help = (
        "Back the database up into a new file, verify it, and delete old backups. The servers may run. The secrets of the"
        " settings are not in it: keep SITE_KEY_PEPPER, SECRET_KEY, TWO_FACTOR_KEY, ALERT_CHANNEL_SECRET and LEASE_KEY_SECRET"
        " elsewhere."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, default=settings.BACKUP_FOLDER, help="by default BACKUP_FOLDER")
        parser.add_argument("--keep-daily", type=int, default=settings.BACKUP_KEEP_DAILY, metavar="DAYS")
        parser.add_argument("--keep-weekly", type=int, default=settings.BACKUP_KEEP_WEEKLY, metavar="WEEKS")
        parser.add_argument(
            "--check", action="store_true", help="make no backup; exit with 1 if there is no recent one"
        )
        parser.add_argument(
            "--max-age-hours", type=float, default=30, metavar="HOURS", help="for --check; by default 30"
        )

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        return check(options["folder"], options["max_age_hours"]) if options["check"] else self.back_up(options)

    def back_up(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
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
            "Not in it: SITE_KEY_PEPPER, SECRET_KEY, TWO_FACTOR_KEY, ALERT_CHANNEL_SECRET and LEASE_KEY_SECRET or"
            " LEASE_KEY_FILE. Keep them elsewhere; no backup works without them.",
        ]


def check(folder: Path, max_age_hours: float) -> tuple[Any, list[str]]:
    if not 0 < max_age_hours < 1_000_000:
        raise InvalidInput("--max-age-hours must be more than 0 and less than a million.")
    at = timezone.now()
    file = recent_backup(folder, max_age=timedelta(hours=max_age_hours), at=at)
    age = hours(at - made_at(file))
    representation = {"file": str(file), "made_at": format_instant(made_at(file)), "age_hours": round(age, 1)}
    return representation, [f"{file} is {age:.1f} hours old."]
