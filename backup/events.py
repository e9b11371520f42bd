"""The events of the database as a whole."""

from django.db.models import TextChoices

from audit.services import Subject

DATABASE = "database"


class DatabaseAction(TextChoices):
    RESTORED = "database.restored"
    MIGRATED = "database.migrated"
    MIGRATION_FAILED = "database.migration_failed"


WHOLE_DATABASE = Subject(DATABASE, "all", "the database")
