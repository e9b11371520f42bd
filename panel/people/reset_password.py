"""Setting another admin's password. One's own is changed on a page that asks for the old one."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from accounts.models import Admin
from accounts.services import reset_password
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.people.lookup import find_admin


class ResetPasswordView(View):
    """Uses the form and the template of Django's UserAdmin; the service writes."""

    @method_decorator(sensitive_post_parameters())
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.person = find_admin(kwargs["id"])
        if self.person == request.user:
            return redirect("admin:password_change")
        if not request.user.has_perm("accounts.change_admin"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.render(AdminPasswordChangeForm(self.person))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = AdminPasswordChangeForm(self.person, request.POST)
        if not form.is_valid():
            return self.render(form)
        password = form.cleaned_data["password1"] if form.cleaned_data["set_usable_password"] else None
        if password is None and "unset-password" not in request.POST:
            messages.error(request, "Conflicting form data submitted. Please try again.")
            return redirect(request.get_full_path())
        try:
            reset_password(self.person.pk, password, by=acting_admin(request, Event.Source.ADMIN), at=timezone.now())
        except DomainError as error:
            messages.error(request, error.detail)
            return redirect(request.get_full_path())
        result = "has no password any more" if password is None else "must change this password at the next sign-in"
        messages.success(request, f"{self.person} {result} and is signed out everywhere.")
        return redirect("admin:accounts_admin_change", self.person.pk)

    def render(self, form: AdminPasswordChangeForm) -> HttpResponse:
        verb = "Change" if self.person.has_usable_password() else "Set"
        context = {
            **admin.site.each_context(self.request),
            "title": f"{verb} password: {self.person}",
            "adminForm": AdminForm(cast(Any, form), [(None, {"fields": list(form.base_fields)})], {}),
            "form": form,
            "form_url": "",
            "opts": Admin._meta,
            "original": self.person,
            "is_popup": False,
            "add": True,
            "change": False,
            "save_as": False,
            "show_save": True,
            "has_change_permission": True,
            "has_delete_permission": False,
            "has_absolute_url": False,
        }
        return TemplateResponse(self.request, "admin/auth/user/change_password.html", context)
