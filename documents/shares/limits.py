DEFAULT_DAYS = 30
MAX_DAYS = 365
MAX_NOTE_LENGTH = 200
# Of one site, that can be opened at the same time.
MAX_OPEN_LINKS = 100
FAILURES_PER_MINUTE = 30
