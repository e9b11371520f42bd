"""The agent: sends heartbeats, keeps the lease that comes back, and says whether the site may operate."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import threading
import uuid
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from portcullis_agent.client import HttpServer, RequestFailed, Server
from portcullis_agent.clock import Clock
from portcullis_agent.errors import AnotherWriter, LeaseRefused, SettingsError, StateError
from portcullis_agent.keeper import LeaseKeeper
from portcullis_agent.keys import KeyRing, readable_keys, signing_keys
from portcullis_agent.lease import Lease, verify_lease
from portcullis_agent.schedule import START_PAUSE_SECONDS, wait_after_failures, wait_after_lease, wait_at_start
from portcullis_agent.settings import Settings
from portcullis_agent.verdict import DAY, Verdict, decide

logger = logging.getLogger("portcullis_agent")

LONGEST_SLEEP_SECONDS = 60.0  # the wait of a thread does not count suspended time: look at the clock each minute
RETRY_FOR_SECONDS = 10 * 60  # how long an unanswered heartbeat is repeated with the same nonce and sequence
UNSIGNED_WAIT_SECONDS = (60, DAY)


@dataclass(frozen=True)
class BeatResult:
    """`stored`: a new valid lease is held and, if it says something new, on the disk. Otherwise `reason` says why not."""

    stored: bool
    reason: str | None = None


@dataclass(frozen=True)
class _Attempt:
    nonce: str
    sequence: int
    first_sent_at: float


@dataclass(frozen=True)
class _Answer:
    """`lease` is None if the server has no signing key; `hint` is its unsigned `next_heartbeat_seconds` then.

    `key_set` is the server's set, if it had to be read for the lease.
    """

    lease: Lease | None
    keys: KeyRing
    key_set: object = None
    hint: object = None


class Agent:
    """One site's agent. Construct it in the process that serves; `start`, `run` or `arun` make it send heartbeats.

    Any number of processes may use one state folder: the first sends the heartbeats, the others read what it stores, and
    one of them takes over when it ends. In each, `verdict` is a computation in memory.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        url: str = "",
        site_id: str = "",
        site_key: str = "",
        state_dir: str | os.PathLike[str] = "",
        version: str = "unknown",
        pin: str | None = None,
        issuer: str = "portcullis",
        grace_days: float = 7,
        allow_http: bool = False,
        on_verdict_change: Callable[[Verdict], object] | None = None,
        clock: Clock | None = None,
        server: Server | None = None,
        random_source: random.Random | None = None,
    ) -> None:
        if settings is None:
            if not (url and site_id and site_key and state_dir):
                raise SettingsError("An agent needs settings, or url, site_id, site_key and state_dir.")
            settings = Settings(
                url=url,
                site_id=site_id,
                site_key=site_key,
                state_dir=Path(state_dir),
                version=version,
                pin=pin,
                issuer=issuer,
                grace_days=grace_days,
                allow_http=allow_http,
            )
        self.settings = settings
        self.clock = clock or Clock()
        self._server = server or HttpServer(settings.url)
        self._random = random_source or random.SystemRandom()
        self._on_verdict_change = on_verdict_change
        self._keeper = LeaseKeeper(settings, self.clock)
        self._key_set_spread = self._random.uniform(1, 1.25)
        self._begin()
        self._reported = self.verdict()
        _agents.add(self)

    def _begin(self) -> None:
        """The state of a process that has just started, or was forked: the server must not take both for one."""
        self._beating = threading.Lock()
        self._boot_id = str(uuid.uuid4())
        self._started_at = self.clock.monotonic()
        self._sequence = 0
        self._attempt: _Attempt | None = None
        self._failures = 0
        self._due_at = self._started_at + self._wait_at_start()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # What a host application asks

    def verdict(self) -> Verdict:
        """Whether the site may operate. Never uses the network, never waits, never raises."""
        if not self._keeper.is_writer:
            self._keeper.refresh()
        return decide(
            self._keeper.snapshot,
            monotonic=self.clock.monotonic(),
            wall=self.clock.wall(),
            grace_seconds=self.settings.grace_days * DAY,
        )

    @property
    def pinned_kids(self) -> tuple[str, ...]:
        return tuple(key.kid for key in self._keeper.keys.pinned)

    # Heartbeats

    def beat(self) -> BeatResult:
        """Send one heartbeat now. Faults of the network, the server or the disk are in the result, never raised."""
        with self._beating:
            return self._beat(pin_anew=False)

    def enrol(self) -> BeatResult:
        """Pin a key of the server's set in place of those pinned before (`settings.pin`, else the one that signs); beat."""
        with self._beating:
            return self._beat(pin_anew=True)

    def _beat(self, *, pin_anew: bool) -> BeatResult:
        problem = None
        try:
            self._keeper.become_writer()
        except AnotherWriter as error:
            self._due_at = self.clock.monotonic() + START_PAUSE_SECONDS
            return BeatResult(False, f"Nothing was sent: {error}.")
        except StateError as error:
            problem = error  # a disk that cannot be written must not keep the site from its lease
            self._keeper.note_storage_problem(error)
        keys = KeyRing(issuer=self.settings.issuer) if pin_anew else self._keeper.keys
        attempt = self._current_attempt()
        try:
            answer = self._exchange(attempt, keys)
        except RequestFailed as failure:
            return self._failed(str(failure), failure.retry_after)
        except LeaseRefused as refused:
            return self._failed(f"The lease was refused ({refused.code}): {refused}.")
        if answer.lease is None:
            return self._not_signed(answer.hint)
        return self._succeeded(answer.lease, answer, problem)

    def _current_attempt(self) -> _Attempt:
        """The heartbeat that had no good answer yet, for ten minutes; then a new one."""
        now = self.clock.monotonic()
        if self._attempt is None or now - self._attempt.first_sent_at > RETRY_FOR_SECONDS:
            self._sequence += 1
            self._attempt = _Attempt(secrets.token_urlsafe(24), self._sequence, now)
        return self._attempt

    def _exchange(self, attempt: _Attempt, keys: KeyRing) -> _Answer:
        """One request; a second one for the keys if the lease's key is not known. RequestFailed or LeaseRefused."""
        held = self._keeper.snapshot.lease
        body: dict[str, object] = {
            "version": self.settings.version,
            "uptime_seconds": int(self.clock.monotonic() - self._started_at),
            "nonce": attempt.nonce,
            "instance_id": self._keeper.instance_id,
            "boot_id": self._boot_id,
            "sequence": attempt.sequence,
        }
        if held is not None:
            body["lease_revision"] = held.revision
        answer = self._server.heartbeat(self.settings.site_id, self.settings.site_key, body)
        token = answer.get("lease")
        if not isinstance(token, str):
            return _Answer(None, keys, hint=answer.get("next_heartbeat_seconds"))

        def verify(ring: KeyRing) -> Lease:
            # After a new enrolment: a lease by a key that is not trusted any more may be a thief's, and is no measure.
            newest = held if held is not None and held.kid in ring else None
            return verify_lease(token, ring, site_id=self.settings.site_id, nonce=attempt.nonce, held=newest)

        try:
            return _Answer(verify(keys), keys)
        except LeaseRefused as refused:
            if refused.code != "unknown_key":
                raise
        key_set = self._server.key_set()
        keys = self._with_newer_keys(keys, key_set)
        return _Answer(verify(keys), keys, key_set)

    def _with_newer_keys(self, keys: KeyRing, key_set: object) -> KeyRing:
        """A ring with the keys of the server's set that the trusted ones lead to; without a pinned one, one is pinned first."""
        ring = keys.copy()
        if not keys.pinned:
            pin = self.settings.pin
            found = [key for key in readable_keys(key_set) if key.kid == pin] if pin else signing_keys(key_set)
            if len(found) != 1:
                wanted = f"the pinned key {pin}" if pin else "one key that signs"
                raise LeaseRefused("unknown_key", f"the server's key set does not have {wanted}")
            ring.pin(found[0])
        ring.extend(key_set)
        return ring

    def _succeeded(self, lease: Lease, answer: _Answer, problem: StateError | None) -> BeatResult:
        self._attempt = None
        self._failures = 0
        self._keeper.keys = answer.keys
        self._keeper.accept(lease)
        self._due_at = self.clock.monotonic() + wait_after_lease(lease)
        try:
            if problem is None and self._keeper.has_changed():
                self._keeper.save()  # before the key set, which may take half a minute
            if answer.key_set is not None:
                self._keeper.take_key_set(answer.key_set, lease.kid)
            elif self._keeper.wants_key_set(self._key_set_spread):
                self._read_key_set(lease)
            if problem is None:
                self._keeper.save()
        except StateError as error:
            problem = error
        return BeatResult(True) if problem is None else BeatResult(False, f"A valid lease came, but {problem}.")

    def _read_key_set(self, lease: Lease) -> None:
        """Read the server's set again, so that a key is known before it signs. A failure is no one's concern."""
        keeper, server = self._keeper, self._server
        try:
            key_set = server.changed_key_set() if lease.kid in keeper.listed else server.key_set()
        except RequestFailed as failure:
            keeper.note_key_set_request()
            logger.debug("The key set: %s", failure)
        else:
            keeper.take_key_set(key_set, lease.kid)

    def _failed(self, reason: str, retry_after: int | None = None) -> BeatResult:
        self._failures += 1
        self._keeper.note_problem(reason)
        self._due_at = self.clock.monotonic() + wait_after_failures(self._failures, retry_after, self._random)
        return BeatResult(False, reason)

    def _not_signed(self, hint: object) -> BeatResult:
        """The server has no signing key yet. Nothing of the answer is believed but when to ask again."""
        result = self._failed("The server signs no leases yet.")
        if isinstance(hint, int) and not isinstance(hint, bool):
            shortest, longest = UNSIGNED_WAIT_SECONDS
            self._due_at = self.clock.monotonic() + min(max(hint, shortest), longest)
        return result

    # Running

    def step(self) -> float:
        """Do what is due and return the seconds until the next call, at most a minute. `run` calls it in a loop."""
        now = self.clock.monotonic()
        if now >= self._due_at:
            result = self.beat()
            if not result.stored:
                level = logging.WARNING if self._keeper.is_writer else logging.DEBUG
                logger.log(level, "Heartbeat: %s", result.reason)
        if self._keeper.is_writer:
            with self._beating, suppress(StateError):  # the keeper notes it
                self._keeper.save()
        self._report_change()
        return min(max(self._due_at - self.clock.monotonic(), 0.0), LONGEST_SLEEP_SECONDS)

    def _report_change(self) -> None:
        verdict = self.verdict()
        if (verdict.state, verdict.reason) != (self._reported.state, self._reported.reason):
            self._reported = verdict
            logger.info("The site's state is %s now.", verdict.state)
            if self._on_verdict_change is not None:
                self._on_verdict_change(verdict)

    def _wait_at_start(self) -> float:
        snapshot = self._keeper.snapshot
        if snapshot.lease is None:
            return 0.0
        age = snapshot.trusted_time(self.clock.monotonic()) - snapshot.lease.issued_at
        return wait_at_start(age, snapshot.lease.next_heartbeat_seconds)

    def run(self, stop_event: threading.Event | None = None) -> None:
        """Send heartbeats as told until `stop_event` is set."""
        stop = stop_event or self._stop
        try:
            while not stop.is_set():
                try:
                    wait = self.step()
                except Exception:  # the host's callback, or a defect: neither may end the heartbeats
                    logger.exception("The agent goes on after an error")
                    wait = LONGEST_SLEEP_SECONDS
                stop.wait(wait)
        finally:
            self.close()

    def start(self) -> None:
        """Run in a thread of its own. Call it after a fork, in each worker."""
        if self._thread is None or not self._thread.is_alive() or self._stop.is_set():
            self._stop = threading.Event()  # a thread that was stopped before may still wait for an answer
            self._thread = threading.Thread(target=self.run, args=(self._stop,), name="portcullis-agent", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; waits up to five seconds for a heartbeat that is under way."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)

    async def arun(self) -> None:
        """Run until the task is cancelled."""
        self.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.to_thread(self.stop)

    def close(self) -> None:
        """Write what is not written yet and leave the state folder to other processes."""
        try:
            self._keeper.close()
        except StateError as error:
            logger.warning("%s.", error)

    def _after_fork(self) -> None:
        """In the child: no thread runs there, and a lock that the parent held would never be released."""
        self._keeper.after_fork()
        self._begin()


_agents: weakref.WeakSet[Agent] = weakref.WeakSet()


def _after_fork() -> None:
    for agent in list(_agents):
        agent._after_fork()


os.register_at_fork(after_in_child=_after_fork)
