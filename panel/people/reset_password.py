"""Resetting another admin's password. One's own is changed on a page that asks for the old one."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.generic import View

from accounts.services import reset_password_by_link
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.account.confirmation import needs_confirmation
from panel.people.lookup import find_admin
from panel.people.password_link import password_link_page


class ResetPasswordView(View):
    """GET asks, POST resets and shows the link."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.person = find_admin(kwargs["id"])
        if self.person == request.user:
            return redirect("admin:password_change")
        if not request.user.has_perm("accounts.change_admin"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        context = {**admin.site.each_context(request), "title": "Reset the password", "person": self.person}
        context["page_title"] = f"Reset the password · {self.person}"
        return TemplateResponse(request, "panel/people/reset_password.html", context)

    @needs_confirmation
    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        try:
            link = reset_password_by_link(self.person.pk, by=by, at=at)
        except DomainError as error:
            messages.error(request, error.detail)
            return redirect(request.get_full_path())
        return password_link_page(request, link)
