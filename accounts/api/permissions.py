from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class RolePermission(BasePermission):
    """The caller's role must hold the permission that the view names for what is asked.

    A view says `required_permissions = {"action or method": "app.permission"}`. A view that names none for an
    action needs only a signed-in admin; a method that it does not have is let through to its 405.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        asked = getattr(view, "action", None) or method
        required = getattr(view, "required_permissions", {}).get(asked)
        return required is None or bool(request.user.has_perm(required))
