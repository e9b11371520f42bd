"""The threads of `manage.py worker` that deliver messages: one that looks for work each second, and one for each channel."""

import logging
import os
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import Error as DatabaseFault
from django.db import close_old_connections, connections

from alerts.outbox.claims import LEASE, channels_with_work
from alerts.outbox.delivery import deliver_channel
from common.jobs.services import database_now

LOOK_EVERY_SECONDS = 1.0
CHANNELS_AT_ONCE = 8
STOP_WITHIN_SECONDS = 5.0
log = logging.getLogger("portcullis.alerts")


class Deliverer:
    def __init__(self, *, lease: timedelta = LEASE, before_look: Callable[[], None] = lambda: None) -> None:
        """`before_look` prepares the connection of each thread."""
        self.lease, self.before_look = lease, before_look
        self.holder = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stopped = threading.Event()
        self.is_database_well = True
        # Daemons: the process does not wait for an attempt that takes long. The message is sent again, with the same id.
        self.running: dict[uuid.UUID, threading.Thread] = {}
        self.thread = threading.Thread(target=self.look_again_and_again, name="deliver-alerts", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Let the attempts that are being made end, for a few seconds."""
        self.stopped.set()
        deadline = time.monotonic() + STOP_WITHIN_SECONDS
        for thread in (self.thread, *self.running.values()):
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def look_again_and_again(self) -> None:
        while not self.stopped.is_set():
            try:
                self.look()
                self.is_database_well = True
            except DatabaseFault as error:
                if self.is_database_well:
                    log.warning("messages of alerts wait, because the database does not answer: %s", error)
                self.is_database_well = False
            except Exception:  # without this thread nothing would be told any more
                log.exception("the work of delivering alerts could not be looked for")
            self.stopped.wait(LOOK_EVERY_SECONDS)
        connections.close_all()

    def look(self) -> None:
        close_old_connections()
        self.before_look()
        self.running = {channel: thread for channel, thread in self.running.items() if thread.is_alive()}
        for channel_id in channels_with_work(at=database_now()):
            if channel_id not in self.running and len(self.running) < CHANNELS_AT_ONCE:
                thread = threading.Thread(target=self.deliver, args=[channel_id], name="deliver-channel", daemon=True)
                self.running[channel_id] = thread
                thread.start()

    def deliver(self, channel_id: uuid.UUID) -> None:
        try:
            self.before_look()
            deliver_channel(channel_id, holder=self.holder, is_stopping=self.stopped.is_set, lease=self.lease)
        except DatabaseFault as error:
            log.warning("a channel of alerts waits, because the database does not answer: %s", error)
        except Exception:  # whatever is wrong with one channel must not stop the others
            log.exception("the messages for the channel %s could not be delivered", channel_id)
        finally:
            connections.close_all()
