"""Uploaded files that `manage.py prune` deletes."""

from datetime import datetime, timedelta

from sites.models import SiteImport

KEPT_FOR = timedelta(days=1)


def prune_site_imports(*, at: datetime) -> dict[str, int]:
    """Delete uploaded files that were not applied within a day; how many."""
    deleted, _ = SiteImport.objects.filter(applied_at=None, created_at__lt=at - KEPT_FOR).delete()
    return {"site_imports": deleted}
