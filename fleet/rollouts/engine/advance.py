"""The periodic job."""

from collections import Counter
from datetime import datetime


def advance_rollouts(*, at: datetime) -> dict[str, int] | None:
    """How many devices joined, were offered the firmware, succeeded, failed and were skipped; None if nothing changed."""
    return dict(Counter[str]()) or None
