"""What this process knows of the devices that call it, so that a heartbeat needs no statement of its own.

An entry is trusted for TRUSTED_SECONDS after it was compared with the database. A thread (`fleet.devices.changes`) compares
all of them every two or three seconds, so that a key that was revoked, or a lock, takes effect within five seconds on every
machine. Where nothing compares them, as in commands, in tests and on SQLite, nothing is kept.
"""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TRUSTED_SECONDS = 4.5
# Compared again that long after the last time.
COMPARED_SECONDS = 2.5
# About a kilobyte each. A device that was dropped costs one statement at its next call.
MAX_KNOWN = 50_000

Revisions = tuple[int, int]  # of a device, and of its site


@dataclass(slots=True, eq=False)
class KnownDevice:
    """A device, the key that it used last, and the state of its site.

    `counts_uses`: the key is the newest one, and older ones are still accepted. `answer` belongs to `fleet.heartbeats`.
    """

    id: uuid.UUID
    id_text: str  # to convert all ids for each comparison would take longer than the rest of it
    site_id: uuid.UUID
    device_id: str
    digest: str = field(repr=False)
    key_id: int
    key_expires_at: datetime | None
    counts_uses: bool
    revisions: Revisions
    config_version: int
    is_active: bool
    license_expires_at: datetime
    is_locked: bool
    is_deregistered: bool
    compared_at: float  # by time.monotonic, of the moment before the database was asked
    answer: Any = None

    # For Django REST Framework, whose `request.user` it is.
    is_authenticated = True
    is_device = True

    def has_perm(self, permission: str) -> bool:
        return False

    def is_licensed(self, *, at: datetime) -> bool:
        """As of a site; a deregistered one is not licensed."""
        return self.is_active and not self.is_deregistered and self.license_expires_at > at


class KnownDevices:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_kept = False
        self.generation = 0
        self.by_id: dict[uuid.UUID, KnownDevice] = {}
        self.of_site: dict[uuid.UUID, set[uuid.UUID]] = {}

    def keep(self) -> None:
        """From now on; something compares the entries."""
        self.is_kept = True

    def find(self, device_id: uuid.UUID, digest: str) -> KnownDevice | None:
        """The device if it is known, its last key has this digest, and the entry can be trusted."""
        known = self.by_id.get(device_id)
        if known is None or known.digest != digest or time.monotonic() - known.compared_at > TRUSTED_SECONDS:
            return None
        return known

    def load(self, read: Callable[[], KnownDevice | None]) -> KnownDevice | None:
        """What `read` finds in the database; it is kept unless something changed at the same time."""
        generation = self.generation
        known = read()
        if known is None or not self.is_kept:
            return known
        with self.lock:
            if generation == self.generation:
                if len(self.by_id) >= MAX_KNOWN and known.id not in self.by_id:
                    self._drop(next(iter(self.by_id)))
                self.by_id[known.id] = known
                self.of_site.setdefault(known.site_id, set()).add(known.id)
        return known

    def forget(self, device_ids: Iterable[uuid.UUID]) -> None:
        with self.lock:
            self.generation += 1
            for device_id in device_ids:
                self._drop(device_id)

    def forget_site(self, site_id: uuid.UUID) -> None:
        self.forget(self.of_site.get(site_id, set()).copy())

    def forget_all(self) -> None:
        with self.lock:
            self.generation += 1
            self.by_id.clear()
            self.of_site.clear()

    def _drop(self, device_id: uuid.UUID) -> None:
        known = self.by_id.pop(device_id, None)
        if known is None:
            return
        of_site = self.of_site[known.site_id]
        of_site.discard(device_id)
        if not of_site:
            del self.of_site[known.site_id]

    def to_compare(self) -> list[KnownDevice]:
        """Those whose turn it is."""
        before = time.monotonic() - COMPARED_SECONDS
        return [known for known in list(self.by_id.values()) if known.compared_at < before]

    def compared(self, entries: Collection[KnownDevice], changed: Collection[uuid.UUID], *, asked_at: float) -> None:
        """Forget those of the entries that changed; trust the others from `asked_at` on.

        An entry that was read again after `to_compare` is another one, and stays as it is.
        """
        for known in entries:
            if known.id not in changed:
                known.compared_at = asked_at
        outdated = [known.id for known in entries if known.id in changed and self.by_id.get(known.id) is known]
        if outdated:
            self.forget(outdated)


known_devices = KnownDevices()
