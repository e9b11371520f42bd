"""Whether a new key has been used: the part of the page with the key that refreshes itself until the site has called."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from panel.sites.views import SiteAdminView
from sites.models import SiteKey


def key_use_context(key: SiteKey) -> dict[str, Any]:
    """The context of panel/sites/registration/key_use.html; `key` with its site and the site's pulse."""
    pulse = key.site.pulse
    refused_at = pulse.last_refused_at
    return {
        "key": key,
        "pulse": pulse,
        "is_used": pulse.newest_key_id == key.pk,
        "is_replaced": key.expires_at is not None or key.revoked_at is not None,
        "was_refused": refused_at is not None and refused_at >= key.created_at,
        "at": timezone.now(),
    }


class KeyUseView(SiteAdminView):
    """The part alone, without the frame of a page."""

    permission_required = "sites.view_site"
    template_name = "panel/sites/registration/key_use.html"

    def get(self, request: HttpRequest, site_id: uuid.UUID, key_id: int) -> HttpResponse:
        keys = SiteKey.objects.select_related("site__pulse")
        return self.render_to_response(key_use_context(get_object_or_404(keys, pk=key_id, site=site_id)))
