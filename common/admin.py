"""Base classes for admin pages: read-only tables, lists with a bounded count and restricted filters."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.text import capfirst

COUNTED_AT_MOST = 10_000


class BoundedPaginator(Paginator):
    """For a table that is too large to be counted at every view: it counts up to COUNTED_AT_MOST rows."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED_AT_MOST].count())

    @property
    def may_be_more(self) -> bool:
        return self.count == COUNTED_AT_MOST


def has_nul_in_query(request: HttpRequest) -> bool:
    """Whether a query parameter holds a NUL character, which PostgreSQL refuses."""
    return any("\x00" in value for _, values in request.GET.lists() for value in values)


class KnownLookupsOnly:
    """A list accepts only the filters that it offers.

    Django allows a filter by any column of the model in the list's URL. With it, a person who may see the list could find
    out, letter by letter, a value that no page shows, such as the digest of a key.
    """

    linked_lookups: tuple[str, ...] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        offered = {getattr(each, "parameter_name", each) for each in self.list_filter}  # type: ignore[attr-defined]
        field, _, kind = lookup.partition("__")
        return lookup in self.linked_lookups or (field in offered and kind in {"", "exact", "in", "isnull"})

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if has_nul_in_query(request):
            return HttpResponseRedirect(request.path)
        context = {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}  # type: ignore[attr-defined]
        return super().changelist_view(request, context)  # type: ignore[misc]


class ReadOnlyAdmin(KnownLookupsOnly, admin.ModelAdmin):
    """A table that only services change, so the admin shows it without forms."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
