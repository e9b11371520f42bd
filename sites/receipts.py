"""How far an admin's newest decision about a site has come: requested, delivered, applied.

Each change by an admin raises the site's revision. The reply to a heartbeat delivers the revision of that moment; a later
heartbeat says which one the local backend has applied. Only an agent reports that: of other local backends no more is known
than what they were answered last.
"""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

# A local backend applies a reply at once. After this time something keeps it from doing so.
LONGEST_TIME_TO_APPLY = timedelta(minutes=10)


class AppliedState(models.TextChoices):
    """What the agent's verdict was when it reported what it had applied."""

    OK = "ok", "ok"
    NOTICE = "notice", "notice"
    LOCKED = "locked", "locked"
    EXPIRED = "expired", "expired"
    LAPSED = "lapsed", "lapsed"


class ReceiptStage(models.TextChoices):
    UNREPORTED = "unreported", "not reported"
    REQUESTED = "requested", "requested"
    DELIVERED = "delivered", "delivered"
    APPLIED = "applied", "applied"


def receipt_conditions(*, pulse: str = "pulse__", revision: str = "revision") -> dict[str, Q]:
    """For each stage the condition on a site. A site is in exactly one. The arguments are lookups."""
    present, delivered, applied = F(revision), f"{pulse}lease_revision", f"{pulse}applied_revision"
    reports, is_delivered = Q((f"{applied}__isnull", False)), Q((f"{delivered}__gte", present))
    # A revision above the delivered one is not of this database: it was restored from an old backup.
    is_applied = Q((f"{applied}__gte", present), (f"{applied}__lte", F(delivered)))
    is_another = Q((f"{applied}__lt", present)) | Q((f"{applied}__gt", F(delivered)))
    return {
        ReceiptStage.UNREPORTED: Q((applied, None)),
        ReceiptStage.REQUESTED: reports & (Q((delivered, None)) | Q((f"{delivered}__lt", present))),
        ReceiptStage.DELIVERED: reports & is_delivered & is_another,
        ReceiptStage.APPLIED: is_delivered & is_applied,
    }


def receipt_on_pulse(stage: str) -> Q:
    """The condition on SitePulse."""
    return receipt_conditions(pulse="", revision="site__revision")[stage]


def lock_not_applied(at: datetime, *, pulse: str = "pulse__") -> Q:
    """Of a locked site: it was told, and has not applied that within LONGEST_TIME_TO_APPLY. A condition on its pulse alone."""
    applied, delivered = f"{pulse}applied_revision", F(f"{pulse}lease_revision")
    is_another = Q((f"{applied}__lt", delivered)) | Q((f"{applied}__gt", delivered))
    return Q((f"{pulse}reply_locked", True), (f"{pulse}delivered_at__lt", at - LONGEST_TIME_TO_APPLY)) & is_another
