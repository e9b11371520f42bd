"""What a web process does beside answering devices: gunicorn.conf.py starts and ends it."""

import logging

from django.db import Error as DatabaseFault

from fleet.devices.changes import start_comparing
from fleet.heartbeats.services import waiting_beats

log = logging.getLogger("portcullis.devices")


def start() -> None:
    """After the fork: threads do not survive one."""
    start_comparing()
    waiting_beats.start()


def stop() -> None:
    """Write what waits, after a write that is under way."""
    try:
        waiting_beats.write_waiting()
    except DatabaseFault as error:
        lost = len(waiting_beats.unwritten) + len(waiting_beats.waiting)
        log.error("heartbeats of %d devices are lost: %s", lost, error)
