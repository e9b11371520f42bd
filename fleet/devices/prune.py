"""The part of `manage.py prune` for enrolment codes."""

from datetime import datetime, timedelta

from fleet.devices.models import EnrolmentCode

CODES_KEPT = timedelta(days=90)


def prune_enrolment_codes(*, at: datetime) -> dict[str, int]:
    """Delete codes 90 days after they have expired; those that were used up or revoked before, too."""
    deleted, _ = EnrolmentCode.objects.filter(expires_at__lt=at - CODES_KEPT).delete()
    return {"enrolment_codes": deleted}
