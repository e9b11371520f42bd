"""The page behind a link that a sysadmin handed over: it sets the person's password once."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import logout
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from accounts.models import PasswordLink
from accounts.services import find_password_link, set_password_by_link
from audit.actors import acting_person
from audit.models import Event


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SetPasswordView(View):
    """A used, expired or unknown link raises an error that becomes a page (see `common.api.problems`)."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        link = find_password_link(token, at=timezone.now())
        return self.render(link, SetPasswordForm(link.admin))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        now = timezone.now()
        link = find_password_link(token, at=now)
        form = SetPasswordForm(link.admin, request.POST)
        if not form.is_valid():
            return self.render(link, form)
        by = acting_person(link.admin, request, Event.Source.ADMIN)
        person = set_password_by_link(token, form.cleaned_data["new_password1"], by=by, at=now)
        logout(request)
        messages.success(request, f"The password of {person} is set. Sign in with it.")
        return redirect("admin:login")

    def render(self, link: PasswordLink, form: forms.Form) -> HttpResponse:
        context: dict[str, Any] = {**admin.site.each_context(self.request), "is_nav_sidebar_enabled": False}
        context |= {"title": f"Choose a password for {link.admin}", "form": form, "person": link.admin}
        # The address is a secret. Our Referrer-Policy, `same-origin`, tells it to no other server; with `no-referrer` browsers
        # would send `Origin: null`, which the CSRF check refuses.
        return TemplateResponse(self.request, "panel/account/set_password.html", context)
