"""The verdict: may a site work, and if not, why not.

The rule stands once, in `sites.querysets.licensed_at`, as a condition in SQL: lists filter and sort by it, and a heartbeat
is answered by the very statement that records what the site was told.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Verdict:
    """`licensed` and `locked` are independent: a site may be both, either or neither."""

    licensed: bool
    locked: bool
    lock_reason: str | None
    expires_at: datetime
