"""When one more heartbeat reports what the last one led to, so that the panel shows within seconds what a site applied."""

from __future__ import annotations

PAUSE_SECONDS = 5.0  # before a heartbeat that only reports what the one before it led to

Applied = tuple[int, str]  # the revision of the lease that is on the disk, and the state of the verdict by it


class Receipts:
    def __init__(self) -> None:
        self.due_at: float | None = None
        self._reported: Applied | None = None
        self._waits_for_disk = False

    def begin_heartbeat(self) -> bool:
        """Whether the heartbeat that is sent now only reports."""
        is_due, self.due_at = self.due_at is not None, None
        return is_due

    def heartbeat_answered(
        self, now: float, reported: Applied | None, applied: Applied | None, *, only_reports: bool, is_stored: bool
    ) -> None:
        """Plan one more, at once, if another revision or state is applied than the heartbeat reported.

        One that only reports is followed by another one only if it brought another revision, and after a pause: what
        changes with each heartbeat must not lead to one after the other.
        """
        self._reported, self._waits_for_disk = reported, not is_stored
        same_revision = reported is not None and applied is not None and reported[0] == applied[0]
        if applied is None or reported == applied or (same_revision and only_reports):
            return
        self.due_at = now + (PAUSE_SECONDS if only_reports else 0.0)

    def state_stored(self, now: float, applied: Applied | None) -> None:
        """Plan one more if the last answer could not be stored, and is now; after a pause, as the disk may fail again."""
        if self._waits_for_disk and applied is not None and applied != self._reported:
            self.due_at = now + PAUSE_SECONDS
        self._waits_for_disk = False
