"""The page of a site's installations: the two that seem to use one key, what to do about it, and all starts that are kept."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from heartbeat.models import AgentRun
from heartbeat.runs import MAX_RUNS
from panel.sites.clones.branches import comparison_of
from panel.sites.operations.registry import OPERATIONS
from panel.sites.page.buttons import operation_button
from panel.sites.views import SiteAdminView
from sites.models import Site


class ClonesView(SiteAdminView):
    """It only shows; each choice is a page of its own."""

    http_method_names = ["get"]
    permission_required = "sites.view_site"
    template_name = "panel/sites/clones/page.html"

    def get(self, request: HttpRequest, site_id: Any) -> HttpResponse:
        site: Site = get_object_or_404(Site.objects.with_state(at=timezone.now()), pk=site_id)
        if site.deregistered_at:
            return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site.pk]))
        runs = list(AgentRun.objects.of_site(site.pk).order_by("-last_seen_at", "-id")[:MAX_RUNS])
        return self.render_to_response(
            self.get_context_data(
                title=f"Installations: {site.name}",
                page_title=f"Installations · {site.name}",
                site=site,
                runs=runs,
                comparison=comparison_of(site, runs),
                choices=self.choices(site) if site.clone_suspected_at else {},
            )
        )

    def choices(self, site: Site) -> dict[str, str]:
        """The URLs of what this person may do, by name."""
        user = self.request.user
        register = f"{reverse('admin:sites_site_add')}?{urlencode({'like': site.pk})}"
        dismiss = OPERATIONS["dismiss_clone"]
        offered = {
            "rotate": ("sites.rotate_site_key", reverse("admin:sites_site_rotate", args=[site.pk])),
            "register": ("sites.add_site", register),
            "dismiss": (dismiss.permission, operation_button(dismiss, site).url),
        }
        return {name: url for name, (permission, url) in offered.items() if user.has_perm(permission)}
