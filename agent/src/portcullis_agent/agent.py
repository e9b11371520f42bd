"""The agent: sends heartbeats, keeps the lease that comes back, and says whether the site may operate."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from portcullis_agent import forks
from portcullis_agent.attempts import Attempt, Attempts
from portcullis_agent.checks import CheckRequests
from portcullis_agent.client import HttpServer, RequestFailed, Server
from portcullis_agent.clock import Clock
from portcullis_agent.doorbell import Doorbell, Wait
from portcullis_agent.errors import AnotherWriter, LeaseRefused, SettingsError, StateError
from portcullis_agent.exchange import Answer, BeatResult, exchange, read_key_set
from portcullis_agent.keeper import LeaseKeeper
from portcullis_agent.keys import KeyRing
from portcullis_agent.lease import Lease
from portcullis_agent.listener import Listener
from portcullis_agent.receipts import Applied, Receipts
from portcullis_agent.schedule import (
    START_PAUSE_SECONDS,
    wait_after_failures,
    wait_after_lease,
    wait_at_start,
    wait_without_lease,
)
from portcullis_agent.settings import Settings
from portcullis_agent.verdict import DAY, Snapshot, Verdict, decide

logger = logging.getLogger("portcullis_agent")

LONGEST_SLEEP_SECONDS = 60.0  # the wait of a thread does not count suspended time: look at the clock each minute
CHECK_PAUSE_SECONDS = 10.0  # between heartbeats of `check_now`
LOOK_EVERY_SECONDS = 1.0  # how soon a request of another process is seen


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
        forks.follow(self)

    def _begin(self) -> None:
        """The state of a process that has just started, or was forked: the server must not take both for one."""
        self._beating = threading.Lock()
        self._attempts = Attempts()
        self._started_at = self.clock.monotonic()
        self._failures = 0
        self._due_at = self._started_at + self._wait_at_start()
        self._not_before = 0.0  # what the server asked for
        self._receipts = Receipts()
        self._checked: tuple[float, BeatResult] | None = None
        self._requests = CheckRequests(self._keeper.folder, self.clock)
        self.doorbell = Doorbell(self._random)
        self._is_running = False
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: Listener | None = None

    # What a host application asks

    def verdict(self) -> Verdict:
        """Whether the site may operate. Never uses the network, never waits, never raises."""
        if not self._keeper.is_writer:
            self._keeper.refresh()
        return self._decide(self._keeper.snapshot)

    def _decide(self, snapshot: Snapshot) -> Verdict:
        return decide(
            snapshot,
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
            result = self._beat(pin_anew=False)
        self._wake.set()
        return result

    def enrol(self) -> BeatResult:
        """Pin a key of the server's set in place of those pinned before (`settings.pin`, else the one that signs); beat."""
        with self._beating:
            return self._beat(pin_anew=True)

    def check_now(self) -> BeatResult:
        """Send a heartbeat because a person asks for it, as with a button "I have paid"; never raises.

        At most once in ten seconds; in between it returns the last result. A process that only reads asks the one that sends
        the heartbeats, and waits up to 15 seconds for its answer. `verdict()` is the new one afterwards.
        """
        try:
            result = self._beat_unless_just_done() if self.settings.url else None
            if result is None:
                result = self._requests.ask()
                self._keeper.refresh(force=True)
            return result
        except Exception:  # a defect must not be the till's problem
            logger.exception("The agent goes on after an error")
            return BeatResult(False, "Nothing was sent because of an error in the agent: see its log.")

    def _beat_unless_just_done(self) -> BeatResult | None:
        """None if another process sends the heartbeats."""
        with self._beating:
            is_used = self._is_running or self._keeper.is_writer
            try:
                self._keeper.become_writer()
            except StateError as error:  # a folder that cannot be written: then this process sends them too
                if isinstance(error, AnotherWriter):
                    return None
            try:
                now = self.clock.monotonic()
                if self._checked is None or now - self._checked[0] >= CHECK_PAUSE_SECONDS:
                    self._checked = now, self._beat(pin_anew=False)
                    self._wake.set()
                return self._checked[1]
            finally:
                if not is_used:
                    self.close()

    def _beat(self, *, pin_anew: bool) -> BeatResult:
        sent_at = self.clock.monotonic()
        only_reports = self._receipts.begin_heartbeat()
        problem = None
        try:
            self._keeper.become_writer()
        except AnotherWriter as error:
            self._due_at = sent_at + START_PAUSE_SECONDS
            self.doorbell.heartbeat_failed(sent_at=sent_at, now=sent_at)
            return BeatResult(False, f"Nothing was sent: {error}.")
        except StateError as error:
            problem = error  # a disk that cannot be written must not keep the site from its lease
            self._keeper.note_storage_problem(error)
        keys = KeyRing(issuer=self.settings.issuer) if pin_anew else self._keeper.keys
        attempt, held = self._current_attempt(), self._keeper.snapshot.lease
        try:
            answer = exchange(self._server, self.settings, attempt, keys, held)
        except RequestFailed as failure:
            return self._failed(sent_at, str(failure), failure.retry_after)
        except LeaseRefused as refused:
            return self._failed(sent_at, f"The lease was refused ({refused.code}): {refused}.")
        if answer.lease is None:
            return self._not_signed(sent_at, answer.hint)
        result = self._succeeded(answer.lease, answer, problem)
        now, revision = self.clock.monotonic(), answer.lease.revision
        if answer.takes_receipts:
            is_stored = not self._keeper.has_changed()
            self._receipts.heartbeat_answered(
                now, attempt.applied, self._applied(), only_reports=only_reports, is_stored=is_stored
            )
        self.doorbell.heartbeat_answered(sent_at=sent_at, now=now, revision=revision, url=answer.doorbell)
        return result

    def _current_attempt(self) -> Attempt:
        now = self.clock.monotonic()
        return self._attempts.current(
            now,
            held=self.verdict().revision,
            applied=self._applied(),
            version=self.settings.version,
            uptime_seconds=int(now - self._started_at),
            instance_id=self._keeper.instance_id,
        )

    def _applied(self) -> Applied | None:
        """What every process of this host acts by. Only this one knows a lease that could not be stored."""
        verdict = self._decide(self._keeper.stored)
        return None if verdict.revision is None else (verdict.revision, verdict.state)

    def _succeeded(self, lease: Lease, answer: Answer, problem: StateError | None) -> BeatResult:
        self._attempts.answered()
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
                read_key_set(self._server, self._keeper, lease.kid)
            if problem is None:
                self._keeper.save()
        except StateError as error:
            problem = error
        return BeatResult(True) if problem is None else BeatResult(False, f"A valid lease came, but {problem}.")

    def _failed(self, sent_at: float, reason: str, retry_after: int | None = None) -> BeatResult:
        now = self.clock.monotonic()
        self._failures += 1
        self._keeper.note_problem(reason)
        self._due_at = now + wait_after_failures(self._failures, retry_after, self._random)
        self._not_before = now + (retry_after or 0)
        self.doorbell.heartbeat_failed(sent_at=sent_at, now=now)
        return BeatResult(False, reason)

    def _not_signed(self, sent_at: float, hint: object) -> BeatResult:
        """The server has no signing key yet. Nothing of the answer is believed but when to ask again."""
        result = self._failed(sent_at, "The server signs no leases yet.")
        told = wait_without_lease(hint)
        if told is not None:
            self._due_at = self.clock.monotonic() + told
        return result

    # Running

    def step(self) -> float:
        """Do what is due and return the seconds until the next call, at most a minute. `run` calls it in a loop.

        A program that calls it itself may wait at the doorbell too: see `next_wait`.
        """
        self._is_running = True
        if self.clock.monotonic() >= self._next_beat_at():
            result = self.beat()
            if not result.stored:
                level = logging.WARNING if self._keeper.is_writer else logging.DEBUG
                logger.log(level, "Heartbeat: %s", result.reason)
        if self._keeper.is_writer:
            with self._beating, suppress(StateError):  # the keeper notes it
                self._keeper.save()
                self._receipts.state_stored(self.clock.monotonic(), self._applied())
        self._report_change()
        return min(max(self._next_beat_at() - self.clock.monotonic(), 0.0), LONGEST_SLEEP_SECONDS)

    def _next_beat_at(self) -> float:
        """When the lease says, or sooner: to report what was applied, or because the doorbell rang."""
        sooner = [at for at in (self._receipts.due_at, self.doorbell.beat_at) if at is not None]
        return min(self._due_at, max(min(sooner), self._not_before)) if sooner else self._due_at

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
        """Send heartbeats as told until `stop_event` is set, at which it looks each second."""
        stop, settings = stop_event or self._stop, self.settings
        listener = Listener(self, lambda: self._server.open_doorbell(settings.site_id, settings.site_key))
        self._listener = listener
        if not self._keeper.is_writer:
            self._due_at = min(self._due_at, self.clock.monotonic() + self._wait_at_start())
        listener.begin()
        try:
            while not stop.is_set():
                self._wake.clear()
                try:
                    wait = self.step()
                except Exception:  # the host's callback, or a defect: neither may end the heartbeats
                    logger.exception("The agent goes on after an error")
                    wait = LONGEST_SLEEP_SECONDS
                listener.look_again()
                self._sleep(stop, wait)
        finally:
            listener.end()
            self.close()

    def _sleep(self, stop: threading.Event, seconds: float) -> None:
        """Until the time is over, the doorbell rings, a person asked for a heartbeat, or `stop` is set."""
        end = time.monotonic() + seconds
        while not stop.is_set():
            if self._keeper.is_writer and self._requests.has_arrived():
                self._requests.answer(self.check_now())
            left = end - time.monotonic()
            if left <= 0 or self._wake.wait(min(left, LOOK_EVERY_SECONDS)):
                return

    # The doorbell: `run` has a thread for it

    def next_wait(self) -> Wait | float:
        """The wait to send to the doorbell now, or after how many seconds, or after the next heartbeat, to ask again."""
        held = self._keeper.snapshot.lease
        if held is None or not self._keeper.is_writer:
            return LONGEST_SLEEP_SECONDS
        return self.doorbell.next_wait(self.clock.monotonic(), held.revision)

    def wait_ended(self, revision: int | None) -> None:
        """The wait was answered: the doorbell rang for this revision, or its time passed (None). Then call `step`."""
        self.doorbell.wait_ended(self.clock.monotonic(), revision)
        if self.doorbell.beat_at is not None:
            self._wake.set()

    def wait_failed(self, failure: RequestFailed) -> None:
        self.doorbell.wait_failed(self.clock.monotonic(), failure)

    def start(self) -> None:
        """Run in a thread of its own. Call it after a fork, in each worker."""
        if self._thread is None or not self._thread.is_alive() or self._stop.is_set():
            self._stop = threading.Event()  # a thread that was stopped before may still wait for an answer
            self._thread = threading.Thread(target=self.run, args=(self._stop,), name="portcullis-agent", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; waits up to five seconds for a heartbeat that is under way."""
        self._stop.set()
        self._wake.set()
        if self._listener is not None:
            self._listener.end()
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
        self._attempts = Attempts()  # another process may send heartbeats now: to go on later would look like a clone
        self._requests = CheckRequests(self._keeper.folder, self.clock)
        self._is_running = False

    def after_fork(self) -> None:
        """In the child: no thread runs there, and a lock that the parent held would never be released."""
        self._keeper.after_fork()
        self._begin()
