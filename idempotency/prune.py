"""What `manage.py prune` deletes of this room."""

from datetime import datetime

from idempotency.models import IdempotentRequest
from idempotency.services import KEPT_FOR


def prune_idempotent_requests(*, at: datetime) -> dict[str, int]:
    """Delete stored answers that cannot be asked for any more; how many."""
    deleted, _ = IdempotentRequest.objects.filter(created_at__lt=at - KEPT_FOR).delete()
    return {"idempotent_requests": deleted}
