"""The part of `manage.py prune` for links to the pages of sites."""

from datetime import datetime, timedelta

from django.db.models import Q

from documents.models import ShareLink

LINKS_KEPT = timedelta(days=90)


def prune_share_links(*, at: datetime) -> dict[str, int]:
    """Delete links 90 days after they have expired or were revoked."""
    ended_at = at - LINKS_KEPT
    deleted, _ = ShareLink.objects.filter(Q(expires_at__lt=ended_at) | Q(revoked_at__lt=ended_at)).delete()
    return {"share_links": deleted}
