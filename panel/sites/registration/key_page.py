"""The page that shows a new key, with the two texts that a person copies to the site's server."""

import shlex
from typing import Any

from django.template.response import TemplateResponse
from django.urls import reverse

from common.web.links import server_url
from panel.sites.registration.key_use import key_use_context
from panel.sites.views import SiteAdminView
from sites.models import Site


def key_page(view: SiteAdminView, site: Site, key: str, **context: Any) -> TemplateResponse:
    """The answer to the POST that made the key. The key is stored nowhere: going back never shows it again."""
    newest = site.keys.select_related("site__pulse").get(expires_at=None, revoked_at=None)
    url = server_url(view.request)
    context |= {
        "site": site,
        "secret_key": key,
        "environment": environment_file(url, site, key),
        "first_heartbeat": heartbeat_command(url, site, key),
        "key_use_url": reverse("admin:sites_site_key_use", args=[site.pk, newest.pk]),
        **key_use_context(newest),
    }
    return TemplateResponse(view.request, "panel/sites/registration/key.html", {**view.admin_context(), **context})


def environment_file(url: str, site: Site, key: str) -> str:
    """The lines that a local backend reads. No value needs quotes."""
    return f"PORTCULLIS_URL={url}\nPORTCULLIS_SITE_ID={site.pk}\nPORTCULLIS_SITE_KEY={key}"


def heartbeat_command(url: str, site: Site, key: str) -> str:
    """A line for any POSIX shell."""
    headers = [f"X-Site-ID: {site.pk}", f"X-Site-Key: {key}", "Content-Type: application/json"]
    header_options = " ".join(f"-H {shlex.quote(header)}" for header in headers)
    body = shlex.quote('{"version": "1.0.0", "uptime_seconds": 0}')
    return f"curl -sS {shlex.quote(url + '/api/heartbeat')} {header_options} -d {body}"
