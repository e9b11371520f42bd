"""The limits of samples and periods, used by the API, services and tables."""

from datetime import timedelta

MAX_ITEMS = 1_000  # in one call
MAX_AGE = timedelta(days=30)
MAX_AHEAD = timedelta(minutes=5)
MAX_PERIOD = timedelta(days=31)

MAX_PERCENT = 100
MAX_MEMORY_MB = 10**9
MIN_CELSIUS, MAX_CELSIUS = -100, 300

METRIC_NAME = r"[a-z0-9_]{1,64}"
MAX_METRICS = 50
MAX_METRIC = 10**15  # and the same below zero
# Fields of a call or of a point in an answer, so that no metric can be called so.
RESERVED_NAMES = frozenset({"at", "period_start", "period_end", "periods"})
TOTAL_PREFIX = "total_"

MAX_POINTS = 1_000
