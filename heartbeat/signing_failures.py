"""The keys with which this process could not sign when it last tried, so that heartbeats neither try nor log each time."""

import logging
import threading
import time

logger = logging.getLogger("portcullis.heartbeat")

RETRY_SECONDS = 30
# {id of the key: when it is tried again, by the monotonic clock}
retries_at: dict[str, float] = {}
lock = threading.Lock()


def is_failing() -> bool:
    """Whether this process has signed nothing since it last failed, also when it is time to try again."""
    return bool(retries_at)


def must_wait(kid: str) -> bool:
    return time.monotonic() < retries_at.get(kid, 0)


def remember(kid: str, error: Exception) -> None:
    """Several threads may fail at once; the first logs it."""
    with lock:
        if must_wait(kid):
            return
        retries_at[kid] = time.monotonic() + RETRY_SECONDS
    logger.error("no leases for %d seconds: %s", RETRY_SECONDS, error)


def forget() -> None:
    """To be called when a lease was signed."""
    retries_at.clear()
