"""Read-only lists of what belongs to a site."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from common.admin import ReadOnlyAdmin
from panel.own_lists import OwnLength
from sites.models import SiteKey
from sites.querysets import folded


class OfASiteAdmin(OwnLength, ReadOnlyAdmin):
    """Found by the site's name, owner, e-mail, phone or id, regardless of case."""

    search_fields = ["site__search_text"]
    search_help_text = "The site's name, owner, e-mail, phone or id"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = folded(search_term.strip())
        return (queryset.filter(site__search_text__contains=term) if term else queryset), False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        title = f"{capfirst(self.opts.verbose_name)} · {kwargs['obj'].site.name}"
        return super().render_change_form(request, context | {"title": title, "subtitle": None}, *args, **kwargs)


@admin.register(SiteKey)
class SiteKeyAdmin(OfASiteAdmin):
    """The digest is not shown: it is of no use to a person."""

    list_display = ["hint", "site", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["site"]
    ordering = ["-id"]
    fields = ["hint", "site", "created_at", "expires_at", "revoked_at"]
