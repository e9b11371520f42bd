from collections.abc import Collection
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.errors import PersonRequired


class RolePermission(BasePermission):
    """The caller's role must have the permission that the view names for the action.

    A view sets `required_permissions = {"action or method": "app.permission"}`; None allows any signed-in admin. An action
    that is not named is refused. A method that the view does not have is answered by the view, with 405.

    If the view sets `person_required`, a personal access token is refused with PersonRequired: True for all that the view
    does, or the names of actions or methods.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        asked = getattr(view, "action", None) or method
        named = getattr(view, "required_permissions", {})
        if asked in named:
            if getattr(request.user, "token", None) is not None and needs_person(view, asked):
                raise PersonRequired
            return named[asked] is None or bool(request.user.has_perm(named[asked]))
        return method not in view.http_method_names or not hasattr(view, method)


def needs_person(view: Any, asked: str) -> bool:
    """Whether this action or method of the view is refused to personal access tokens."""
    needed: bool | Collection[str] = getattr(view, "person_required", False)
    return needed if isinstance(needed, bool) else asked in needed
