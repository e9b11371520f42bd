from common.errors import Conflict, InvalidInput, Unavailable


class BackupFailed(Unavailable):
    """There is no new backup; the folder is as it was before."""

    code = "backup_failed"
    title = "The backup failed"


class NoRecentBackup(Unavailable):
    code = "no_recent_backup"
    title = "There is no recent backup"


class RestoreFailed(Unavailable):
    """The database is as it was before."""

    code = "restore_failed"
    title = "The restore failed"


class BackupUnreadable(InvalidInput):
    code = "backup_unreadable"
    title = "The file is not a whole backup"


class BackupDoesNotFit(Conflict):
    """The file is whole, but this release, its settings or this database server cannot use it."""

    code = "backup_does_not_fit"
    title = "The backup does not fit"


class DatabaseInUse(Conflict):
    code = "database_in_use"
    title = "The database is not empty"
