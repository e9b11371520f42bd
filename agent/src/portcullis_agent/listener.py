"""The thread that waits at the doorbell while an agent runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from portcullis_agent.client import DoorbellConnection, RequestFailed
from portcullis_agent.doorbell import IDLE_SECONDS, Wait

logger = logging.getLogger("portcullis_agent")


class Waiting(Protocol):
    """An agent, as this thread sees it."""

    def next_wait(self) -> Wait | float: ...

    def wait_ended(self, revision: int | None) -> None: ...

    def wait_failed(self, failure: RequestFailed) -> None: ...


class Listener:
    """Never more than one wait at a time, on one connection. `end` may be called by any thread."""

    def __init__(self, agent: Waiting, connect: Callable[[], DoorbellConnection]) -> None:
        self._agent = agent
        self._connect = connect
        self._connection: DoorbellConnection | None = None
        self._look = threading.Event()
        self._is_ended = threading.Event()

    def begin(self) -> None:
        try:
            threading.Thread(target=self._listen, name="portcullis-agent-doorbell", daemon=True).start()
        except RuntimeError as error:  # the limit of threads is reached: heartbeats do not need this one
            logger.warning("The doorbell cannot be used: %s.", error)

    def look_again(self) -> None:
        """Ask the agent again: a heartbeat was answered."""
        self._look.set()

    def end(self) -> None:
        self._is_ended.set()
        self._look.set()
        connection = self._connection
        if connection is not None:
            connection.close()

    def _listen(self) -> None:
        while not self._is_ended.is_set():
            self._look.clear()
            try:
                planned = self._agent.next_wait()
                if isinstance(planned, Wait):
                    self._wait(planned)
                    continue
            except Exception:  # a defect: heartbeats go on without this thread, and it goes on too
                logger.exception("The doorbell: the agent goes on after an error")
                planned = IDLE_SECONDS
            if not self._is_ended.is_set():
                self._look.wait(planned)

    def _wait(self, wait: Wait) -> None:
        if self._connection is None:
            self._connection = self._connect()
        if self._is_ended.is_set():
            self._connection.close()
            return
        try:
            revision = self._connection.wait(wait.url, since=wait.since, seconds=wait.seconds)
        except RequestFailed as failure:
            if not self._is_ended.is_set():
                self._agent.wait_failed(failure)
        else:
            self._agent.wait_ended(revision)
