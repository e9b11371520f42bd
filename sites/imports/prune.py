"""Uploaded files that `manage.py prune` deletes."""

from datetime import datetime, timedelta

from django.db.models import Q

from sites.models import SiteImport

KEPT_FOR = timedelta(days=1)
# Without its contents, so that sending the form again says that it was applied.
APPLIED_KEPT_FOR = timedelta(days=30)


def prune_site_imports(*, at: datetime) -> dict[str, int]:
    """Delete uploaded files that were not applied within a day, and the names of older ones that were; how many."""
    not_applied = Q(applied_at=None, created_at__lt=at - KEPT_FOR)
    deleted, _ = SiteImport.objects.filter(not_applied | Q(applied_at__lt=at - APPLIED_KEPT_FOR)).delete()
    return {"site_imports": deleted}
