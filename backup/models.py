"""When the database was last backed up."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

# Backups are made once a day; the installed timer adds up to half an hour, and the backup takes its time.
OVERDUE_AFTER = timedelta(hours=26)


class LastBackup(models.Model):
    """The newest verified backup, in one row. The file may be on another machine, or deleted since.

    The backup itself does not contain its row, because it has no verified file yet when it reads the database.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    made_at = models.DateTimeField()
    file = models.CharField(max_length=64)  # its name, without the folder
    size_bytes = models.PositiveBigIntegerField()
    duration_ms = models.PositiveBigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="last_backup_is_one_row")]

    def __str__(self) -> str:
        return self.file

    def is_overdue(self, *, at: datetime) -> bool:
        return at - self.made_at > OVERDUE_AFTER
