"""When the web processes could receive heartbeats and write to the database.

A thread of each web process writes the time into one row every few seconds. A gap between two of these marks is an outage of
this control plane, whatever its cause: the processes were down, or the database was away.
"""

import logging
import threading
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection, transaction

from alerts.models import Outage, ReceivingMark
from common.jobs.services import database_now

log = logging.getLogger("portcullis.alerts")

# Of ALERT_OUTAGE_SECONDS, so that a late mark is no outage.
SHARE_OF_SHORTEST_OUTAGE = 8
LONGEST_PAUSE_SECONDS = 10.0
# A mark that is further ahead was written by a clock that was ahead.
CLOCK_TOLERANCE = timedelta(minutes=5)


@transaction.atomic
def mark_receiving(*, at: datetime) -> Outage | None:
    """Note that a heartbeat could be received at this moment; the outage that ends with it, if there was one."""
    ReceivingMark.objects.bulk_create([ReceivingMark(name=ReceivingMark.WEB, at=at)], ignore_conflicts=True)
    mark = ReceivingMark.objects.select_for_update().get(pk=ReceivingMark.WEB)
    outage = None
    is_restored = ReceivingMark.objects.filter(pk=ReceivingMark.RESTORED, at__gt=mark.at, at__lte=at).exists()
    if at - mark.at >= settings.ALERT_OUTAGE or is_restored:
        outage = Outage.objects.create(began_at=mark.at, ended_at=at)
        log.warning("no heartbeat could be received from %s to %s", mark.at, at)
    if mark.at < at or mark.at > at + CLOCK_TOLERANCE:
        mark.at = at
        mark.save(update_fields=["at"])
    return outage


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
