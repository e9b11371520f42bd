from common.errors import Conflict, InvalidInput, NotFound


class UnreadableFile(InvalidInput):
    code = "unreadable_file"
    title = "The file cannot be read as CSV"


class ImportNotFound(NotFound):
    """Unknown, forgotten, or uploaded by somebody else."""

    code = "import_not_found"
    title = "There is no such import of yours"


class ImportHasRefusedRows(Conflict):
    code = "import_has_refused_rows"
    title = "Nothing was written: the file has rows that are refused"


class ImportAlreadyApplied(Conflict):
    code = "import_already_applied"
    title = "This file was applied already; nothing was written a second time"
