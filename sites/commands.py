"""What the commands on sites have in common."""

from datetime import datetime
from typing import Any

from sites.api.paths import path_site_id as read_site_id
from sites.api.serializers import SiteSerializer
from sites.models import Site

__all__ = ["read_site_id", "represent"]


def represent(site: Site, *, at: datetime) -> dict[str, Any]:
    """The site as the API prints it."""
    return dict(SiteSerializer(Site.objects.with_state(at=at).get(pk=site.pk)).data)
