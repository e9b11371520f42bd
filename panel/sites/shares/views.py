"""Links to the page of a site for the restaurant's owner: the list, a new one, which is shown once, and revoking one."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from documents.shares.errors import ShareLinkExists
from documents.shares.links import share_url
from documents.shares.services import create_share_link, revoke_share_link
from panel.sites.shares.forms import NewLinkForm
from panel.sites.views import SiteAdminView, SiteFormView
from sites.models import Site

LINKS_ON_A_PAGE = 50


def links_page(site_id: uuid.UUID) -> str:
    return reverse("admin:sites_site_share", args=[site_id])


class SharePageView(SiteFormView):
    """GET lists the links of a site; POST makes one, and its answer shows it."""

    template_name = "panel/sites/shares/page.html"
    form_class = NewLinkForm

    def has_permission(self) -> bool:
        needed = "documents.add_sharelink" if self.request.method == "POST" else "documents.view_sharelink"
        return self.request.user.has_perm(needed)

    @cached_property
    def site(self) -> Site:
        site: Site = get_object_or_404(Site.objects.live(), pk=self.kwargs["site_id"])
        return site

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user, links = self.request.user, self.site.share_links.newest_first().select_related("created_by")
        shown = {
            "site": self.site,
            "title": f"Share page: {self.site.name}",
            "page_title": f"Share page · {self.site.name}",
            "links": Paginator(links, LINKS_ON_A_PAGE).get_page(self.request.GET.get("page")),
            "now": timezone.now(),
            "may_add": user.has_perm("documents.add_sharelink"),
            "may_revoke": user.has_perm("documents.delete_sharelink"),
        }
        return super().get_context_data(**{**shown, **kwargs})

    def form_valid(self, form: NewLinkForm) -> HttpResponse:
        by = acting_admin(self.request, Event.Source.ADMIN)
        try:
            new = create_share_link(self.site.pk, by=by, at=timezone.now(), **form.cleaned_data)
        except ShareLinkExists:
            # A reload of the page with the link sends the form again.
            messages.info(self.request, "This link was made already, and shown then, once. If it is lost, revoke it.")
            return HttpResponseRedirect(links_page(self.site.pk))
        except DomainError as error:
            messages.error(self.request, f"{error.detail}. No link was made.")
            return HttpResponseRedirect(links_page(self.site.pk))
        context = {
            **self.admin_context(),
            "site": self.site,
            "link": new.row,
            "url": share_url(self.request, new.token),
        }
        context |= {"title": f"New link: {self.site.name}", "page_title": f"New link · {self.site.name}"}
        return TemplateResponse(self.request, "panel/sites/shares/link.html", context)


class RevokeLinkView(SiteAdminView):
    http_method_names = ["post"]
    permission_required = "documents.delete_sharelink"

    def post(self, request: HttpRequest, site_id: uuid.UUID, link_id: uuid.UUID) -> HttpResponse:
        by = acting_admin(request, Event.Source.ADMIN)
        try:
            revoke_share_link(site_id, link_id, by=by, at=timezone.now())
        except DomainError as error:
            messages.error(request, f"{error.detail}. Nothing was revoked.")
            return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site_id]))
        messages.success(request, "Revoked: the link leads nowhere any more.")
        return HttpResponseRedirect(links_page(site_id))
