"""A warning if files would be lost: a platform starts each release, and often each restart, on a new disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning
from django.db import InterfaceError, OperationalError, ProgrammingError, connections

from backup.models import LastBackup
from config.platform_settings import platform


@dataclass(frozen=True)
class KeptFile:
    """A file or folder that must outlive a release, and the setting that puts it elsewhere."""

    what: str
    path: Path
    remedy: str


@register(deploy=True)
def files_outlive_a_release(**_: Any) -> list[CheckMessage]:
    if not settings.IS_PRODUCTION:
        return []
    lost = [kept for kept in kept_files() if is_lost(kept.path)]
    if not lost:
        return []
    named = "; ".join(f"{kept.what} in {kept.path}" for kept in lost)
    remedies = "; ".join(f"for {kept.what} {kept.remedy}" for kept in lost)
    return [
        CheckWarning(
            f"The next release will lose: {named}.",
            hint=f"Mount a volume there, or: {remedies}. docs/deploy-platforms.md has the details.",
            id="portcullis.W004",
        )
    ]


def kept_files() -> Iterator[KeptFile]:
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "config.sqlite3":
        yield KeptFile("the database", Path(database["NAME"]), "set DATABASE_URL to one of PostgreSQL")
    if settings.FIRMWARE_STORAGE == "folder":
        yield KeptFile("firmware", Path(settings.FIRMWARE_FOLDER), "set FIRMWARE_STORAGE=s3")
    location = settings.STORAGES["default"].get("OPTIONS", {}).get("location")
    if location:
        yield KeptFile("files of sites", Path(location), "set S3_BUCKET")
    if backups_are_made():
        yield KeptFile("backups", settings.BACKUP_FOLDER, "set BACKUP_FOLDER to a volume")


def is_lost(path: Path) -> bool:
    """A volume is another file system than that of the code. On a platform nothing else lasts."""
    root = settings.BASE_DIR.resolve()
    path = path.resolve()
    existing = next(each for each in (path, *path.parents) if each.exists())
    if existing.stat().st_dev != root.stat().st_dev:
        return False
    return bool(platform()) or path.is_relative_to(root)


def backups_are_made() -> bool:
    """Whether `manage.py backup` has run; with a platform's own backups it has not. False if the database does not say."""
    connection = connections["default"]
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return False  # connecting would make the file
    try:
        return LastBackup.objects.exists()
    except (OperationalError, ProgrammingError, InterfaceError):
        return False
