"""What an incident can be about, how severe it is, and in which state."""

from collections.abc import Mapping

from django.db.models import TextChoices


class Kind(TextChoices):
    SITE_OFFLINE = "site_offline", "site offline"
    SITES_OFFLINE_TOGETHER = "sites_offline_together", "sites offline together"
    LOCK_NOT_TAKEN_UP = "lock_not_taken_up", "lock not taken up"
    CALLS_WITHOUT_LICENSE = "calls_without_license", "calls without a licence"
    LICENSE_ENDING = "license_ending", "licence ends soon"
    LICENSE_ENDED = "license_ended", "licence ended"
    CLONE_SUSPECTED = "clone_suspected", "clone suspected"
    SIGN_IN_ATTACK = "sign_in_attack", "attack on the sign-in"
    CONTROL_PLANE_WAS_DOWN = "control_plane_was_down", "control plane was down"


class Severity(TextChoices):
    INFO = "info", "info"
    WARNING = "warning", "warning"
    CRITICAL = "critical", "critical"


class State(TextChoices):
    OPEN = "open", "open"
    ACKNOWLEDGED = "acknowledged", "acknowledged"
    RESOLVED = "resolved", "resolved"


CRITICAL = frozenset({Kind.SITE_OFFLINE, Kind.SITES_OFFLINE_TOGETHER, Kind.SIGN_IN_ATTACK})
SEVERITY_OF: Mapping[str, Severity] = {
    kind: Severity.CRITICAL
    if kind in CRITICAL
    else Severity.INFO
    if kind == Kind.CONTROL_PLANE_WAS_DOWN
    else Severity.WARNING
    for kind in Kind
}
# From the least to the most severe.
RANK: Mapping[str, int] = {severity: rank for rank, severity in enumerate(Severity)}


def at_least(severity: str) -> list[str]:
    """That severity and the higher ones."""
    return [each for each in Severity if RANK[each] >= RANK[severity]]
