"""The page of the saved views: it saves the list under a name, and renames, replaces and deletes views."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone

from audit.actors import Actor, acting_admin
from audit.models import Event
from common.errors import DomainError, InvalidInput, NotFound
from panel.sites.saved_views.forms import SaveViewForm
from panel.sites.saved_views.queries import description, is_usable, present_query, stored_query
from panel.sites.views import SiteAdminView, SiteFormView
from sites.models import SavedView
from sites.saved_views import change_view, delete_view, save_view


def page_url(name: str, query: str) -> str:
    return f"{reverse(f'admin:{name}')}?{query}" if query else reverse(f"admin:{name}")


class SavedViewsView(SiteFormView):
    """GET lists the views, and offers to save the list of the URL's query; POST saves it."""

    permission_required = "sites.view_site"
    template_name = "panel/sites/saved_views/page.html"
    form_class = SaveViewForm

    def query(self) -> str:
        return present_query(self.request.GET, self.site_admin) or ""

    def get_initial(self) -> dict[str, Any]:
        return {"query": self.query()}

    def get_form_kwargs(self) -> dict[str, Any]:
        may_share = self.request.user.has_perm("sites.share_savedview")
        return {**super().get_form_kwargs(), "site_admin": self.site_admin, "may_share": may_share}

    def form_valid(self, form: Any) -> HttpResponse:
        entries = form.cleaned_data
        try:
            view = save_view(
                name=entries["name"],
                query=entries["query"],
                is_for_everybody=entries.get("is_for_everybody", False),
                by=acting_admin(self.request, Event.Source.ADMIN),
                at=timezone.now(),
            )
        except DomainError as error:
            form.add_error("name", error.detail)
            return self.form_invalid(form)
        messages.success(self.request, f"Saved the view “{view.name}”.")
        return HttpResponseRedirect(page_url("sites_site_changelist", view.query))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        admin, query = self.request.user, self.query()
        visible: Any = SavedView.objects.visible_to(admin)
        changeable = set(SavedView.objects.changeable_by(admin).values_list("pk", flat=True))
        return super().get_context_data(
            title="Saved views",
            query=query,
            present=description(query, self.site_admin),
            views=[
                {
                    "view": view,
                    "words": description(view.query, self.site_admin),
                    "is_usable": is_usable(view.query, self.site_admin),
                    "can_change": view.pk in changeable,
                }
                for view in visible
            ],
            **kwargs,
        )


class SavedViewView(SiteAdminView):
    """By POST: renames one view (`name`), replaces it by the list that the page was opened from, or deletes it."""

    permission_required = "sites.view_site"

    def get(self, request: HttpRequest, view_id: uuid.UUID) -> HttpResponse:
        view: Any = SavedView.objects.visible_to(request.user).filter(pk=view_id).first()
        if view is None:
            raise Http404
        if not is_usable(view.query, self.site_admin):
            messages.warning(request, f"The list no longer has a filter of the view “{view.name}”.")
            return HttpResponseRedirect(page_url("sites_site_views", ""))
        return HttpResponseRedirect(page_url("sites_site_changelist", view.query))

    def post(self, request: HttpRequest, view_id: uuid.UUID) -> HttpResponse:
        page = "sites_site_views"
        query = present_query(QueryDict(request.POST.get("query", "")), self.site_admin)
        try:
            if "delete" in request.POST:
                delete_view(view_id, by=self.actor(), at=timezone.now())
                messages.success(request, "Deleted the view.")
            elif "replace" in request.POST:
                self.change(view_id, query=self.query_to_store())
                page = "sites_site_changelist"
            elif "name" in request.POST:
                self.change(view_id, name=request.POST["name"])
        except NotFound as error:
            raise Http404 from error
        except DomainError as error:
            messages.error(request, f"The view was not changed. {error.detail}")
        return HttpResponseRedirect(page_url(page, query or ""))

    def query_to_store(self) -> str:
        try:
            return stored_query(QueryDict(self.request.POST.get("query", "")), self.site_admin)
        except ValidationError as error:
            raise InvalidInput(error.messages[0], field="query") from error

    def change(self, view_id: uuid.UUID, **values: str) -> None:
        view = change_view(view_id, by=self.actor(), at=timezone.now(), **values)
        messages.success(self.request, f"Saved the view “{view.name}”.")

    def actor(self) -> Actor:
        return acting_admin(self.request, Event.Source.ADMIN)
