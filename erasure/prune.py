"""The part of `manage.py prune` for requests to erase a site."""

from datetime import datetime

from erasure.models import ErasureRequest


def prune_erasure_requests(*, at: datetime) -> dict[str, int]:
    """Delete requests that nobody confirmed in time; how many."""
    deleted, _ = ErasureRequest.objects.filter(confirmed_at=None, expires_at__lte=at).delete()
    return {"erasure_requests": deleted}
