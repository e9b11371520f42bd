"""Changing one's own password."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts import services
from accounts.models import Admin
from audit.actors import Actor, acting_admin
from audit.models import Event
from panel.account.pages import current_admin


class OwnPasswordForm(AdminPasswordChangeForm):
    def __init__(self, *args: Any, by: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not services.check_password(self.user, password, address=self.by.ip):
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password

    def clean_new_password1(self) -> str:
        password: str = self.cleaned_data["new_password1"]
        if password == self.cleaned_data.get("old_password"):
            raise forms.ValidationError("Choose another password than the old one.", code="same_password")
        return password

    def save(self, commit: bool = True) -> Admin:
        chosen = self.cleaned_data["new_password1"]
        self.user = services.change_own_password(self.user, chosen, by=self.by, at=timezone.now())
        return self.user


@method_decorator(never_cache, name="dispatch")
class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm
    template_name = "panel/account/password_change.html"
    success_url = reverse_lazy("admin:index")
    title = "Change your password"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not current_admin(request).has_usable_password():
            messages.error(
                request, "You have no password to change. A sysadmin who resets it gives you a link that sets one."
            )
            return redirect("admin:account")
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "by": acting_admin(self.request, Event.Source.ADMIN)}

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, "Your password was changed. You are signed out everywhere else.")
        return response
