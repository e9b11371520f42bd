"""When the web processes could receive heartbeats and write to the database.

A thread of each web process writes the time into one row every few seconds. A gap between two of these marks is an outage of
this control plane, whatever its cause: the processes were down, or the database was away.
"""

import logging
import threading
from datetime import datetime

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection, transaction

from alerts.models import Outage, ReceivingMark
from common.jobs.services import database_now
from sites.status import CLOCK_TOLERANCE

log = logging.getLogger("portcullis.alerts")

# Of ALERT_OUTAGE_SECONDS, so that a late mark is no outage.
SHARE_OF_SHORTEST_OUTAGE = 8
LONGEST_PAUSE_SECONDS = 10.0


def mark_receiving(*, at: datetime) -> Outage | None:
    """Note that a heartbeat could be received at this moment; the outage that ends with it, if there was one."""
    marks = dict(ReceivingMark.objects.values_list("name", "at"))
    last = marks.get(ReceivingMark.WEB)
    if last is None:
        ReceivingMark.objects.bulk_create([ReceivingMark(name=ReceivingMark.WEB, at=at)], ignore_conflicts=True)
        return None
    if last > at + CLOCK_TOLERANCE:
        forget_times_ahead(last, at=at)
        return None
    restored_at = marks.get(ReceivingMark.RESTORED)
    is_restored = restored_at is not None and last < restored_at <= at
    if at - last >= settings.ALERT_OUTAGE or is_restored:
        return note_outage(last, at=at)
    # No lock is held while this process may be stopped: of several processes one writes.
    ReceivingMark.objects.filter(pk=ReceivingMark.WEB, at=last, at__lt=at).update(at=at)
    return None


@transaction.atomic
def note_outage(last: datetime, *, at: datetime) -> Outage | None:
    """None if another process has noted it."""
    if not ReceivingMark.objects.filter(pk=ReceivingMark.WEB, at=last).update(at=at):
        return None
    log.warning("no heartbeat could be received from %s to %s", last, at)
    return Outage.objects.create(began_at=last, ended_at=at)


@transaction.atomic
def forget_times_ahead(last: datetime, *, at: datetime) -> None:
    """The clock was ahead, and is right again."""
    ReceivingMark.objects.filter(pk=ReceivingMark.WEB, at=last).update(at=at)
    Outage.objects.filter(ended_at__gt=at + CLOCK_TOLERANCE).delete()


def note_restore(*, at: datetime) -> None:
    """Note that the database was replaced by a backup: the heartbeats that came since its last mark are lost."""
    ReceivingMark.objects.update_or_create(pk=ReceivingMark.RESTORED, defaults={"at": at})


def pause_seconds() -> float:
    return min(LONGEST_PAUSE_SECONDS, settings.ALERT_OUTAGE.total_seconds() / SHARE_OF_SHORTEST_OUTAGE)


def mark_again_and_again(stopped: threading.Event) -> None:
    is_failing = False
    while not stopped.is_set():
        try:
            mark_receiving(at=database_now())
            is_failing = False
        except DatabaseFault as error:
            if not is_failing:
                log.warning("that heartbeats can be received is not recorded: %s", error)
            is_failing = True
        except Exception:  # without this thread all time would seem to be an outage
            log.exception("that heartbeats can be received is not recorded")
        finally:
            connection.close()
        stopped.wait(pause_seconds())


def start_marking() -> None:
    """Mark from now on in a thread of this process."""
    threading.Thread(target=mark_again_and_again, args=[threading.Event()], name="receiving-marks", daemon=True).start()
