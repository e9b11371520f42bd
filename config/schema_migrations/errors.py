from common.errors import Conflict, NotFound, OperationFailed


class MigrationNotFound(NotFound):
    code = "migration_not_found"
    title = "There is no migration of that name"


class MigrationRunning(Conflict):
    code = "migration_running"
    title = "Another process migrates the database at this moment"


class MigrationFailed(OperationFailed):
    """What the migrations before it did stays; what it did itself is undone where the database can undo it."""

    code = "migration_failed"
    title = "A migration failed"
