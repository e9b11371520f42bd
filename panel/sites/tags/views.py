"""Adds and removes tags from the page of a site. Many sites are tagged by an operation of the list."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.sites.views import SiteAdminView
from sites.services import add_tags, remove_tags
from sites.tags import split_tags


class SiteTagsView(SiteAdminView):
    """By POST with `add`, tags separated by commas, or with `remove`, one tag. Leads back to the page of the site."""

    permission_required = "sites.tag_site"

    def get(self, request: HttpRequest, site_id: uuid.UUID) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site_id]))

    def post(self, request: HttpRequest, site_id: uuid.UUID) -> HttpResponse:
        service, entry = (remove_tags, "remove") if "remove" in request.POST else (add_tags, "add")
        try:
            names = split_tags(request.POST.get(entry, ""))
            by = acting_admin(request, Event.Source.ADMIN)
            service(site_id, tags=names, by=by, at=timezone.now())
        except ValidationError as error:
            messages.error(request, f"No tag was changed. {error.messages[0]}")
        except DomainError as error:
            messages.error(request, f"No tag was changed. {error.detail}")
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site_id]) + "#tags")
