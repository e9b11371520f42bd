"""Redirects an admin from every page of the panel to the step that is required first."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.errors import EnrolmentExpired, PasswordChangeRequired, TwoFactorRequired
from accounts.models import Admin
from accounts.required_steps import required_step
from common.errors import NotAllowed

ALWAYS_ALLOWED = frozenset(
    {
        "login",
        "logout",
        "jsi18n",
        "password_change",
        "set_password",
        "choose_theme",
        "google_start",
        "google_callback",
        # Who has no password does this to set up a second factor.
        "google_again",
    }
)
PAGES: dict[type[NotAllowed], str] = {PasswordChangeRequired: "password_change", TwoFactorRequired: "add_totp"}
ALSO_ALLOWED: dict[type[NotAllowed], frozenset[str]] = {
    PasswordChangeRequired: frozenset(),
    TwoFactorRequired: frozenset({"add_totp", "add_security_key"}),
}


class RequiredStepMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or "admin" not in match.namespaces or match.url_name in ALWAYS_ALLOWED:
            return None
        step = required_step(request.user, at=timezone.now()) if isinstance(request.user, Admin) else None
        if step is EnrolmentExpired:
            logout(request)
            messages.error(request, step.title)
            return redirect("admin:login")
        if step is None or match.url_name in ALSO_ALLOWED[step]:
            return None
        return redirect(f"admin:{PAGES[step]}")
