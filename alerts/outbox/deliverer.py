"""The threads of `manage.py worker` that deliver messages: one that looks for work each second, and one for each channel."""

import logging
import os
import secrets
import socket
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

from django.db import Error as DatabaseFault
from django.db import close_old_connections, connections

from alerts.outbox.claims import channels_with_work
from alerts.outbox.delivery import deliver_channel
from common.jobs.services import database_now

LOOK_EVERY_SECONDS = 1.0
CHANNELS_AT_ONCE = 8
STOP_WITHIN_SECONDS = 5.0
log = logging.getLogger("portcullis.alerts")


class Deliverer:
    def __init__(self) -> None:
        self.holder = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopped = threading.Event()
        self.is_database_well = True
        self.pool = ThreadPoolExecutor(CHANNELS_AT_ONCE, thread_name_prefix="deliver-alerts")
        self.running: dict[uuid.UUID, Future[None]] = {}
        self.thread = threading.Thread(target=self.look_again_and_again, name="deliver-alerts", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Let the attempts that are being made end, for a few seconds."""
        self.stopped.set()
        wait_for(list(self.running.values()), timeout=STOP_WITHIN_SECONDS)
        self.pool.shutdown(wait=False, cancel_futures=True)

    def look_again_and_again(self) -> None:
        while not self.stopped.is_set():
            try:
                self.look()
                self.is_database_well = True
            except DatabaseFault as error:
                if self.is_database_well:
                    log.warning("messages of alerts wait, because the database does not answer: %s", error)
                self.is_database_well = False
            self.stopped.wait(LOOK_EVERY_SECONDS)
        connections.close_all()

    def look(self) -> None:
        close_old_connections()
        self.running = {channel: future for channel, future in self.running.items() if not future.done()}
        for channel_id in channels_with_work(at=database_now()):
            if channel_id not in self.running and not self.stopped.is_set():
                self.running[channel_id] = self.pool.submit(self.deliver, channel_id)

    def deliver(self, channel_id: uuid.UUID) -> None:
        try:
            deliver_channel(channel_id, holder=self.holder, is_stopping=self.stopped.is_set)
        except DatabaseFault as error:
            log.warning("a channel of alerts waits, because the database does not answer: %s", error)
        except Exception:  # whatever is wrong with one channel must not stop the others
            log.exception("the messages for the channel %s could not be delivered", channel_id)
        finally:
            connections.close_all()
