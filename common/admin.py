"""What our admin pages have in common: read-only tables, and refusals said as messages."""

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property

from common.errors import DomainError

COUNTED_AT_MOST = 10_000


class BoundedPaginator(Paginator):
    """Pages through a table too large to count at every view: it counts as far as anybody would turn pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED_AT_MOST].count())

    @property
    def may_be_more(self) -> bool:
        return self.count == COUNTED_AT_MOST


def asks_for_nul(request: HttpRequest) -> bool:
    """Whether the address holds what no text has and PostgreSQL refuses."""
    return any("\x00" in value for _, values in request.GET.lists() for value in values)


class KnownLookupsOnly:
    """A list takes from its address only the filters that it offers.

    Django's own rule lets anybody who sees a list filter it by any column, and so find out, letter by letter, what no page
    shows, such as a key's digest.
    """

    linked_lookups: tuple[str, ...] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        offered = {getattr(each, "parameter_name", each) for each in self.list_filter}  # type: ignore[attr-defined]
        field, _, kind = lookup.partition("__")
        return lookup in self.linked_lookups or (field in offered and kind in {"", "exact", "in", "isnull"})

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if asks_for_nul(request):
            return HttpResponseRedirect(request.path)
        return super().changelist_view(request, *args, **kwargs)  # type: ignore[misc]


class ReadOnlyAdmin(KnownLookupsOnly, admin.ModelAdmin):
    """A table that services own: to be looked at, never edited here."""

    show_full_result_count = False
    paginator = BoundedPaginator
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RefusalsAsMessages:
    """Says a refusal of the domain to the person at the screen, on the page where they were."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(request.get_full_path())
