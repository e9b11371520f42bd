"""The verdict: may a site work, and if not, why not. The one place where that is decided.

Lists decide the same in SQL (`sites.querysets.licensed_at`), because they filter and sort by it; a test holds the two
against each other over generated cases.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Terms(Protocol):
    """The facts that a verdict rests on; a `sites.models.Site` has them."""

    @property
    def is_active(self) -> bool: ...
    @property
    def is_locked(self) -> bool: ...
    @property
    def lock_reason(self) -> str | None: ...
    @property
    def license_expires_at(self) -> datetime: ...


@dataclass(frozen=True)
class Verdict:
    """`licensed` and `locked` are independent: a site may be both, either or neither."""

    licensed: bool
    locked: bool
    lock_reason: str | None
    expires_at: datetime


def decide(terms: Terms, *, at: datetime) -> Verdict:
    """What a site is told at that instant. A licence that ends at `at` has ended."""
    return Verdict(
        licensed=terms.is_active and at < terms.license_expires_at,
        locked=terms.is_locked,
        lock_reason=terms.lock_reason,
        expires_at=terms.license_expires_at,
    )
