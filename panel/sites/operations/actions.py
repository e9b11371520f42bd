"""The operations as actions of the list of sites. Each answers with the page that confirms it."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from panel.sites.operations.registry import OPERATIONS
from panel.sites.operations.selection import MAX_SITES
from panel.sites.operations.views import ConfirmOperationView
from sites.models import Site

Action = Callable[[ModelAdmin, HttpRequest, QuerySet[Site]], HttpResponseBase]


def operation_actions(request: HttpRequest) -> dict[str, tuple[Action, str, str]]:
    """What `ModelAdmin.get_actions` returns, for the operations that the person may run."""
    return {
        name: (confirm_action(name), name, f"{operation.label}…")
        for name, operation in OPERATIONS.items()
        if request.user.has_perm(operation.permission)
    }


def confirm_action(name: str) -> Action:
    def confirm(site_admin: ModelAdmin, request: HttpRequest, sites: QuerySet[Site]) -> HttpResponseBase:
        # One more than is allowed, so that the view can refuse.
        ids: Any = sites.order_by().values_list("pk", flat=True)[: MAX_SITES + 1]
        view = ConfirmOperationView.as_view(site_admin=site_admin, site_ids=[str(pk) for pk in ids])
        return view(request, name=name)

    return confirm
