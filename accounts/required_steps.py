"""What an admin must do before anything else."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.errors import PasswordChangeRequired, TwoFactorRequired
from accounts.models import Admin
from accounts.roles import Role
from common.errors import NotAllowed

ALWAYS_OPEN = frozenset({"login", "logout", "jsi18n", "password_change"})
PAGES: dict[type[NotAllowed], str] = {PasswordChangeRequired: "password_change", TwoFactorRequired: "add_totp"}
ALSO_OPEN: dict[type[NotAllowed], frozenset[str]] = {
    PasswordChangeRequired: frozenset(),
    TwoFactorRequired: frozenset({"add_totp", "add_security_key"}),
}
BOUND_ROLES = frozenset({Role.SYSADMIN, Role.SUPPORT})


def holdup_of(admin: Admin) -> type[NotAllowed] | None:
    """The refusal that this admin meets at every door until it is done; None for nothing."""
    if admin.must_change_password:
        return PasswordChangeRequired
    if needs_second_factor(admin) and not admin.has_second_factor():
        return TwoFactorRequired
    return None


def needs_second_factor(admin: Admin) -> bool:
    return bool(settings.REQUIRE_TWO_FACTOR) and admin.role in BOUND_ROLES


class HoldupMiddleware:
    """Leads whoever must do something first there, from every page of the panel and before the page does anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or "admin" not in match.namespaces or match.url_name in ALWAYS_OPEN:
            return None
        holdup = holdup_of(request.user) if isinstance(request.user, Admin) else None
        if holdup is None or match.url_name in ALSO_OPEN[holdup]:
            return None
        return redirect(f"admin:{PAGES[holdup]}")
