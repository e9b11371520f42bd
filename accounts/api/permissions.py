from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class RolePermission(BasePermission):
    """The caller's role must have the permission that the view names for the action.

    A view sets `required_permissions = {"action or method": "app.permission"}`; None allows any signed-in admin. An action
    that is not named is refused. A method that the view does not have is answered by the view, with 405.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        asked = getattr(view, "action", None) or method
        named = getattr(view, "required_permissions", {})
        if asked in named:
            return named[asked] is None or bool(request.user.has_perm(named[asked]))
        return method not in view.http_method_names or not hasattr(view, method)
