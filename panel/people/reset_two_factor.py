"""Resetting the second factors of another admin, who lost them."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.generic import View

from accounts.two_factor.services import reset_two_factor
from audit.actors import acting_admin
from audit.models import Event
from panel.account.confirmation import needs_confirmation
from panel.people.lookup import find_admin


class ResetTwoFactorView(View):
    """GET asks, POST resets."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm("accounts.change_admin"):
            raise PermissionDenied
        self.person = find_admin(kwargs["id"])
        if self.person == request.user:
            messages.error(request, "Change your own second factors here, where your password is asked for.")
            return redirect("admin:account")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        context = {**admin.site.each_context(request), "title": "Reset second factors", "person": self.person}
        context["page_title"] = f"Reset second factors · {self.person}"
        context["hours"] = int(settings.HAND_OVER_WITHIN.total_seconds() // 3600)
        return TemplateResponse(request, "panel/people/reset_two_factor.html", context)

    @needs_confirmation
    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        reset_two_factor(self.person.pk, by=acting_admin(request, Event.Source.ADMIN), at=timezone.now())
        messages.success(request, f"{self.person} has no second factor any more and is signed out everywhere.")
        return redirect("admin:accounts_admin_change", self.person.pk)
