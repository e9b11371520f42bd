"""The part of `manage.py prune` for stored answers."""

from datetime import datetime

from idempotency.models import IdempotentRequest
from idempotency.services import KEPT_FOR


def prune_idempotent_requests(*, at: datetime) -> dict[str, int]:
    """Delete stored answers that are too old to be repeated, and return their number."""
    deleted, _ = IdempotentRequest.objects.filter(created_at__lt=at - KEPT_FOR).delete()
    return {"idempotent_requests": deleted}
