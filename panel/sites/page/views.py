"""The page of one site: its state, what an admin can do to it, its history, and the form for what an admin may edit."""

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.events.timeline import label_of
from panel.fleet.devices.site_card import site_devices
from panel.kept_forms import take_kept_entries
from panel.sites.files.card import site_files
from panel.sites.notes.forms import note_form_for
from panel.sites.page.agent import notices_for
from panel.sites.page.buttons import buttons_for
from panel.sites.page.edit_form import EditForm
from panel.sites.page.facts import site_facts
from panel.sites.views import SiteAdminView
from sites import services
from sites.errors import SiteChanged
from sites.events import SITE
from sites.models import Site


class SitePageView(SiteAdminView):
    """GET shows the page, POST saves its form. `panel.sites.page.stale_form` describes what happens if the form is stale."""

    template_name = "panel/sites/page/page.html"

    def has_permission(self) -> bool:
        user = self.request.user
        may_change = user.has_perm("sites.change_site")
        return may_change if self.request.method == "POST" else may_change or user.has_perm("sites.view_site")

    def get(self, request: HttpRequest, object_id: str) -> HttpResponse:
        site = find_site(object_id)
        if site is None:
            return self.no_such_site()
        can_edit = request.user.has_perm("sites.change_site") and site.deregistered_at is None
        if not can_edit:
            return self.show(site, None)
        kept = take_kept_entries(request)
        form = EditForm(kept, instance=site)
        if kept:
            form.is_valid()  # finds the conflicts with changes since
        return self.show(site, form)

    def post(self, request: HttpRequest, object_id: str) -> HttpResponse:
        try:
            with transaction.atomic():
                # The row stays locked until the changes are written, so that the site does not change in between.
                site = find_site(object_id, for_update=True)
                if site is None:
                    return self.no_such_site()
                if site.deregistered_at:
                    raise SiteChanged("The site was deregistered while you had the page open. Nothing was saved.")
                form = EditForm(request.POST, instance=site)
                if not form.is_valid():
                    return self.show(site, form)
                self.save(site, form)
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(request.get_full_path())
        saved = ", ".join(map(label_of, form.values_to_write))
        messages.success(request, f"Saved: {saved}." if saved else "There was nothing to save.")
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site.pk]))

    def save(self, site: Site, form: EditForm) -> None:
        services.update_site(
            site.pk,
            form.values_to_write,
            by=acting_admin(self.request, Event.Source.ADMIN),
            at=timezone.now(),
            expected_revisions={site.revision},
        )

    def show(self, site: Site, form: EditForm | None) -> HttpResponse:
        """Without a form the page shows the values to somebody who cannot edit them."""
        at = timezone.now()
        return self.render_to_response(
            self.get_context_data(
                title=site.name,
                site=site,
                form=form,
                buttons=buttons_for(site, self.request.user.has_perm, at=at),
                note_form=note_form_for(site, self.request.user.has_perm),
                notices=notices_for(site, self.request.user.has_perm, at=at),
                files=site_files(site, self.request.user.has_perm),
                devices=site_devices(site, self.request.user.has_perm, at=at),
                **site_facts(site, at=at),
            )
        )

    def no_such_site(self) -> HttpResponse:
        messages.warning(self.request, "There is no site with this id.")
        return HttpResponseRedirect(reverse("admin:index"))


class SiteHistoryView(SiteAdminView):
    """Leads to the list of events, which are the history of a site."""

    def has_permission(self) -> bool:
        return self.request.user.has_perm("sites.view_site")

    def get(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(
            reverse("admin:audit_event_changelist") + f"?subject_type={SITE}&subject_id={object_id}"
        )


def find_site(object_id: str, *, for_update: bool = False) -> Any:
    """The site with its status, `licensed` and key hint; None if no site has this id."""
    sites: Any = Site.objects.with_state(at=timezone.now())
    if for_update:
        sites = sites.select_for_update(of=("self",), no_key=True)
    try:
        return sites.filter(pk=uuid.UUID(object_id)).first()
    except ValueError:
        return None
