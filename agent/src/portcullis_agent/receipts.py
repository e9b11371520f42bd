"""When one more heartbeat reports what the last one led to, so that the panel shows within seconds what a site applied."""

from __future__ import annotations

PAUSE_SECONDS = 5.0  # before a heartbeat that only reports what the one before it led to

Applied = tuple[int, str]  # the revision of the lease that is held, and the state of the verdict


class Receipts:
    def __init__(self) -> None:
        self.due_at: float | None = None

    def begin_heartbeat(self) -> bool:
        """Whether the heartbeat that is sent now only reports."""
        is_due, self.due_at = self.due_at is not None, None
        return is_due

    def heartbeat_answered(self, now: float, reported: Applied | None, applied: Applied, *, only_reports: bool) -> None:
        """Plan one more, at once, if another revision or state is applied than the heartbeat reported.

        One that only reports is followed by another one only if it brought another revision, and after a pause: what
        changes with each heartbeat must not lead to one after the other.
        """
        same_revision = reported is not None and reported[0] == applied[0]
        if reported == applied or (same_revision and only_reports):
            return
        self.due_at = now + (PAUSE_SECONDS if only_reports else 0.0)
