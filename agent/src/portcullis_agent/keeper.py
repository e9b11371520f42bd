"""Keeps the newest good lease, the trusted keys and the trusted time, in memory and in the state folder."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from portcullis_agent.clock import Clock
from portcullis_agent.errors import LeaseRefused, StateError
from portcullis_agent.keys import KeyRing, listed_kids
from portcullis_agent.lease import Lease, refuse_older, verify_lease
from portcullis_agent.settings import Settings
from portcullis_agent.state import State, StateFolder
from portcullis_agent.verdict import Snapshot

WRITE_EVERY_SECONDS = 60 * 60
LOOK_EVERY_SECONDS = 2
KEY_SET_AGE_SECONDS = 24 * 60 * 60
KEY_SET_PAUSE_SECONDS = 60 * 60


@dataclass(frozen=True)
class _Loaded:
    state: State
    keys: KeyRing
    snapshot: Snapshot


class LeaseKeeper:
    """`snapshot` is replaced as a whole, so that any thread may read it at any time."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.folder = StateFolder(settings.state_dir)
        self.keys = KeyRing(issuer=settings.issuer)
        self.snapshot = Snapshot(None, 0.0, clock.monotonic())
        self.keys_asked_at = self.keys_read_at = 0.0
        self.listed: frozenset[str] = frozenset()
        self._state = State(settings.site_id)
        self._written: Lease | None = None
        self._written_at: float | None = None
        self._reading = threading.Lock()
        self._looked_at = clock.monotonic()
        self._fingerprint = self.folder.fingerprint()
        self._load()

    @property
    def is_writer(self) -> bool:
        return self.folder.is_locked

    @property
    def instance_id(self) -> str:
        return self._state.instance_id

    @property
    def stored(self) -> Snapshot:
        """What the other processes of this host act by: with the lease that is on the disk."""
        return replace(self.snapshot, lease=self._written)

    def become_writer(self) -> None:
        """Lock the folder and read what the writer before left; AnotherWriter or StateError."""
        if self.is_writer:
            return
        self.folder.lock()
        with self._reading:
            self._load()
        self._written_at = None

    def refresh(self, *, force: bool = False) -> None:
        """In a process that only reads: take over what the writer wrote. Looks every two seconds, never waits."""
        now = self.clock.monotonic()
        is_fresh = 0 <= now - self._looked_at < LOOK_EVERY_SECONDS and not force
        if is_fresh or not self._reading.acquire(blocking=False):
            return
        try:
            if self.is_writer:
                return
            self._looked_at = now
            fingerprint = self.folder.fingerprint()
            if fingerprint is not None and fingerprint != self._fingerprint:
                self._fingerprint = fingerprint
                self._load()
        finally:
            self._reading.release()

    def _load(self) -> None:
        """Take over the newest state whose lease verifies, unless it is older than what is held already."""
        loaded, time = self._find_newest()
        self._written = loaded.snapshot.lease if loaded else None
        if loaded is None:
            return
        held, found_lease = self.snapshot.lease, loaded.snapshot.lease
        if held is not None and (found_lease is None or (held.kid in loaded.keys and _is_older(found_lease, held))):
            return
        self._state, self.keys = loaded.state, loaded.keys
        self.keys_asked_at, self.keys_read_at = loaded.state.keys_asked_at, loaded.state.keys_read_at
        self._hold(found_lease, time, is_exact=False)

    def _find_newest(self) -> tuple[_Loaded | None, float]:
        """The newest state in the folder whose lease verifies, else the newest one; and the latest time of those read."""
        try:
            states = self.folder.read()
        except StateError as error:
            self.note_storage_problem(error)
            return None, 0.0
        loaded, time = None, 0.0
        for state in states:
            if state.site_id != self.settings.site_id:
                continue
            found = self._verify(state)
            time = max(time, found.snapshot.anchor_time)
            if loaded is None or found.snapshot.lease is not None:
                loaded = found
            if found.snapshot.lease is not None:
                break
        return loaded, time

    def _verify(self, state: State) -> _Loaded:
        pin, stored = self.settings.pin, (*state.pinned, *state.endorsed)
        pinned = state.pinned if pin is None else tuple(key for key in stored if key.kid == pin)
        keys = KeyRing.restored(pinned, state.endorsed, state.set_aside, issuer=self.settings.issuer)
        lease = None
        if state.lease is not None:
            try:
                lease = verify_lease(state.lease, keys, site_id=self.settings.site_id)
            except LeaseRefused:
                lease = None
        now, time = self.clock.monotonic(), state.trusted_time
        if state.machine_boot and state.machine_boot == self.clock.machine_boot():
            time += max(0.0, now - state.monotonic)
        return _Loaded(state, keys, Snapshot(lease, max(time, lease.issued_at if lease else 0.0), now))

    def accept(self, lease: Lease) -> None:
        """Hold a lease that was verified and answers the newest request; call `save` afterwards."""
        held = self.snapshot.lease
        if held is not None and held.kid != lease.kid:
            self.keys_read_at = 0.0  # another key signs: the key before it may have left the set
        self._hold(lease, float(lease.issued_at), is_exact=True)

    def _hold(self, lease: Lease | None, time: float, *, is_exact: bool) -> None:
        """The trusted time falls only with a new lease, which the server signed a moment ago.

        Then the machine's monotonic clock, or the server's clock at the lease before, was ahead: no reason to end the new one.
        """
        now = self.clock.monotonic()
        held = self.snapshot.lease
        if lease is None or (held is not None and lease.token == held.token):
            time = max(time, self.snapshot.trusted_time(now))
        self.snapshot = Snapshot(lease, time, now, is_exact, storage_problem=self.snapshot.storage_problem)

    def wants_key_set(self, spread: float) -> bool:
        """Whether the server's key set is to be read again; `spread` (1 or more) keeps sites apart."""
        now = self.snapshot.trusted_time(self.clock.monotonic())
        is_read = 0 <= now - self.keys_read_at < KEY_SET_AGE_SECONDS * spread
        is_asked = 0 <= now - self.keys_asked_at < KEY_SET_PAUSE_SECONDS
        return not is_read and not is_asked

    def note_key_set_request(self) -> None:
        self.keys_asked_at = self.snapshot.trusted_time(self.clock.monotonic())

    def take_key_set(self, key_set: object, signer: str) -> None:
        """Trust what it endorses, set aside what it does not list any more. None: it is the same as the last one.

        `signer` signed the newest lease. Without it the set is not the present one, and is read again after an hour.
        """
        self.note_key_set_request()
        keys = self.keys.copy()
        if key_set is not None:
            self.listed = listed_kids(key_set)
            keys.extend(key_set)
        if signer in self.listed:
            keys.set_aside_unlisted(self.listed, signer)
            self.keys_read_at = self.keys_asked_at
        self.keys = keys

    def note_problem(self, problem: str | None) -> None:
        self.snapshot = replace(self.snapshot, problem=problem)

    def note_storage_problem(self, error: StateError | None) -> None:
        text = None if error is None else f"{error}."
        if text != self.snapshot.storage_problem:
            self.snapshot = replace(self.snapshot, storage_problem=text)

    def save(self, *, force: bool = False) -> None:
        """Write the state if it changed, or was not written for an hour; StateError."""
        now = self.clock.monotonic()
        is_fresh = self._written_at is not None and now - self._written_at < WRITE_EVERY_SECONDS
        if is_fresh and not force and not self.has_changed():
            return
        state = replace(
            self._state,
            pinned=self.keys.pinned,
            endorsed=self.keys.endorsed,
            set_aside=self.keys.set_aside,
            lease=self.snapshot.lease.token if self.snapshot.lease else None,
            trusted_time=self.snapshot.trusted_time(now),
            monotonic=now,
            machine_boot=self.clock.machine_boot(),
            keys_asked_at=self.keys_asked_at,
            keys_read_at=self.keys_read_at,
        )
        try:
            self.folder.write(state)
        except StateError as error:
            self.note_storage_problem(error)
            raise
        self.note_storage_problem(None)
        self._state, self._written, self._written_at = state, self.snapshot.lease, now

    def has_changed(self) -> bool:
        """Whether what is held says something that the state folder does not."""
        held = self.snapshot.lease
        stored, keys = self._state, self.keys
        if (stored.pinned, stored.endorsed, stored.set_aside) != (keys.pinned, keys.endorsed, keys.set_aside):
            return True
        if held is None or self._written is None:
            return held is not self._written
        return not held.decides_like(self._written)

    def after_fork(self) -> None:
        """In the child: only read, until it becomes the writer itself."""
        self._reading = threading.Lock()
        self.folder.forget_lock()

    def close(self) -> None:
        """Write the trusted time and let another process write."""
        try:
            if self.is_writer:
                self.save(force=True)
        finally:
            self.folder.unlock()


def _is_older(lease: Lease, held: Lease) -> bool:
    try:
        refuse_older(lease, held)
    except LeaseRefused:
        return True
    return False
