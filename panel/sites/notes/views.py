"""All notes about a site, and adding one."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.sites.notes.forms import NoteForm
from panel.sites.views import SiteFormView
from sites import services
from sites.errors import NoteAlreadyAdded
from sites.models import Site

NOTES_ON_A_PAGE = 50


class NotesView(SiteFormView):
    """GET shows the notes; POST adds one, also for the page of the site, which it leads to."""

    template_name = "panel/sites/notes/page.html"
    form_class = NoteForm

    def has_permission(self) -> bool:
        needed = "sites.add_sitenote" if self.request.method == "POST" else "sites.view_site"
        return self.request.user.has_perm(needed)

    @cached_property
    def site(self) -> Site:
        site: Site = get_object_or_404(Site, pk=self.kwargs["site_id"])
        return site

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        notes = Paginator(self.site.notes.newest_first(), NOTES_ON_A_PAGE).get_page(self.request.GET.get("page"))
        context = super().get_context_data(**{"site": self.site, "notes": notes, **kwargs})
        may_add = self.request.user.has_perm("sites.add_sitenote") and self.site.erased_at is None
        titles = {"title": f"Notes: {self.site.name}", "page_title": f"Notes · {self.site.name}"}
        return {**context, **titles, "note_form": context["form"] if may_add else None}

    def form_valid(self, form: NoteForm) -> HttpResponse:
        by, text = acting_admin(self.request, Event.Source.ADMIN), form.cleaned_data["text"]
        try:
            services.add_note(self.site.pk, text=text, note_id=form.cleaned_data["note_id"], by=by, at=timezone.now())
        except NoteAlreadyAdded:
            # As after going back to the form and typing something else.
            messages.warning(
                self.request, "Not added yet: this form had added another note. Send it again to add this one, too."
            )
            return self.render_to_response(self.get_context_data(form=NoteForm(initial={"text": text})))
        except DomainError as error:
            messages.error(self.request, error.detail)
        else:
            messages.success(self.request, "Note added.")
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[self.site.pk]) + "#notes")
