"""Read the body of a heartbeat. A valid one is read without a serializer, which would cost more than the heartbeat itself."""

import uuid
from typing import Any

from heartbeat.api.serializers import (
    APPLIED_FIELDS,
    BOOT_FIELDS,
    MAX_SEQUENCE,
    MAX_UPTIME,
    MAX_VERSION,
    NONCE,
    ReportSerializer,
)
from heartbeat.runs import Boot
from heartbeat.services import Report
from sites.receipts import AppliedState

AGENT_FIELDS = ("nonce", *BOOT_FIELDS, "lease_revision", *APPLIED_FIELDS)
APPLIED_STATES = frozenset(AppliedState.values)
# It holds no state, so one instance serves all requests.
REPORT = ReportSerializer()


def read_report(body: dict[str, Any]) -> Report:
    """Raises ValidationError, which ReportSerializer words."""
    version, uptime_seconds = body.get("version"), body.get("uptime_seconds")
    if (
        type(version) is str
        and 0 < len(version) <= MAX_VERSION
        and version.isprintable()
        and type(uptime_seconds) is int
        and 0 <= uptime_seconds <= MAX_UPTIME
    ):
        if all(body.get(name) is None for name in AGENT_FIELDS):
            return Report(version, uptime_seconds)
        if report := read_agent_report(version, uptime_seconds, body):
            return report
    return report_of(REPORT.run_validation(body))


def read_agent_report(version: str, uptime_seconds: int, body: dict[str, Any]) -> Report | None:
    """The report of an agent; None if one of its own fields may be wrong."""
    nonce, instance_id, boot_id, sequence, revision, applied, state = (body.get(name) for name in AGENT_FIELDS)
    if (
        type(nonce) is str
        and NONCE.fullmatch(nonce)
        and type(sequence) is int
        and 1 <= sequence <= MAX_SEQUENCE
        and (revision is None or (type(revision) is int and 0 <= revision <= MAX_SEQUENCE))
        and (
            (applied is None and state is None)
            or (
                type(applied) is int and 0 <= applied <= MAX_SEQUENCE and type(state) is str and state in APPLIED_STATES
            )
        )
        and (instance := read_uuid(instance_id))
        and (boot := read_uuid(boot_id))
    ):
        return Report(version, uptime_seconds, nonce, Boot(instance, boot, sequence), revision, applied, state)
    return None


def read_uuid(value: Any) -> uuid.UUID | None:
    """The UUID if it has its usual form, in lower case."""
    if type(value) is not str or len(value) != 36:
        return None
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        return None
    return parsed if str(parsed) == value else None


def report_of(valid: dict[str, Any]) -> Report:
    """`valid` is what ReportSerializer has read."""
    instance_id, boot_id, sequence = (valid.get(name) for name in BOOT_FIELDS)
    boot = Boot(instance_id, boot_id, sequence) if instance_id and boot_id and sequence else None
    return Report(
        valid["version"],
        valid["uptime_seconds"],
        valid.get("nonce"),
        boot,
        valid.get("lease_revision"),
        valid.get("applied_revision"),
        valid.get("applied_state"),
    )
