"""The periodic jobs that `manage.py worker` runs: one line for each. Apps write them, only this file lists them."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings

from accounts.personal_tokens.notices import warn_of_ending_tokens
from accounts.prune import prune_sign_ins
from alerts.customer_notices.sending import send_license_notices
from alerts.incidents.judge import check_alerts
from alerts.prune import prune_alerts
from audit.chain import as_json
from audit.services import add_checkpoint
from common.counters import prune_counters
from common.jobs.registry import PeriodicJob
from documents.files.prune import prune_files
from erasure.prune import prune_erasure_requests
from fleet.devices.prune import prune_enrolment_codes
from fleet.firmware.prune import prune_firmware_uploads
from fleet.firmware.services import sign_firmware
from fleet.heartbeats.prune import prune_device_history
from fleet.heartbeats.transitions import note_transitions
from fleet.rollouts.engine import advance_rollouts
from fleet.telemetry.prune import make_day_partitions, prune_telemetry
from fleet.telemetry.rollup import compute_marked_hours
from heartbeat.prune import prune_heartbeats
from heartbeat.thinning import thin_heartbeats
from idempotency.prune import prune_idempotent_requests
from sites.imports.prune import prune_site_imports

DAILY, HOURLY = timedelta(days=1), timedelta(hours=1)


def checkpoint_audit(*, at: datetime) -> dict[str, Any] | None:
    """The checkpoint, so that it is logged: only one that is kept elsewhere proves that nothing was rewritten."""
    checkpoint = add_checkpoint(at=at)
    return as_json(checkpoint) if checkpoint else None


JOBS = [
    PeriodicJob(
        "prune_heartbeats",
        partial(prune_heartbeats, keep=settings.HEARTBEAT_HISTORY),
        DAILY,
        "Delete heartbeats that are older than the history is kept.",
    ),
    PeriodicJob("thin_heartbeats", thin_heartbeats, DAILY, "Thin the history of sites that call far too often."),
    PeriodicJob(
        "prune_sign_ins", prune_sign_ins, HOURLY, "Delete expired sessions and tokens, and old sign-in attempts."
    ),
    PeriodicJob(
        "warn_of_ending_tokens",
        warn_of_ending_tokens,
        HOURLY,
        "Mail admins whose personal access tokens end within a week.",
    ),
    PeriodicJob("prune_site_imports", prune_site_imports, HOURLY, "Delete uploaded files that nobody applied."),
    PeriodicJob(
        "prune_erasure_requests", prune_erasure_requests, HOURLY, "Delete requests for erasure that nobody confirmed."
    ),
    PeriodicJob(
        "prune_idempotent_requests",
        prune_idempotent_requests,
        HOURLY,
        "Delete stored responses that are too old to repeat.",
    ),
    PeriodicJob(
        "check_alerts", check_alerts, settings.ALERT_CHECK, "Open incidents, and resolve those whose cause is gone."
    ),
    PeriodicJob(
        "note_device_transitions",
        note_transitions,
        timedelta(seconds=10),
        "Note which devices went online, late, offline or stopped.",
    ),
    PeriodicJob(
        "advance_rollouts",
        advance_rollouts,
        timedelta(seconds=30),
        "Judge the devices that are being updated, and offer the firmware to the next ones in their maintenance windows.",
    ),
    PeriodicJob(
        "send_license_notices",
        send_license_notices,
        timedelta(minutes=5),
        "Mail restaurants whose licence ends soon, if that is turned on.",
    ),
    PeriodicJob(
        "prune_alerts", prune_alerts, DAILY, "Delete old incidents, messages about them, outages and licence notices."
    ),
    PeriodicJob(
        "compute_telemetry_hours",
        compute_marked_hours,
        timedelta(minutes=1),
        "Compute the hours and days of devices in which health samples or telemetry periods arrived.",
    ),
    PeriodicJob(
        "make_telemetry_partitions", make_day_partitions, HOURLY, "Make the partitions of the coming days (PostgreSQL)."
    ),
    PeriodicJob("prune_telemetry", prune_telemetry, DAILY, "Delete old health samples and telemetry periods."),
    PeriodicJob(
        "prune_device_history",
        prune_device_history,
        DAILY,
        "Delete the old history of the status and heartbeats of devices, and old commands.",
    ),
    PeriodicJob("prune_enrolment_codes", prune_enrolment_codes, DAILY, "Delete enrolment codes that expired long ago."),
    PeriodicJob(
        "prune_firmware_uploads", prune_firmware_uploads, HOURLY, "Delete what uploads have left that were cut short."
    ),
    PeriodicJob("prune_files", prune_files, DAILY, "Delete files of sites that are no longer kept."),
    PeriodicJob(
        "sign_firmware",
        sign_firmware,
        timedelta(minutes=5),
        "Sign manifests of firmware that have no signature by a key of the public set.",
    ),
    PeriodicJob("prune_counters", prune_counters, timedelta(minutes=10), "Delete expired counters of rate limits."),
    PeriodicJob(
        "checkpoint_audit", checkpoint_audit, DAILY, "Store and log a hash over the events since the last one."
    ),
]
