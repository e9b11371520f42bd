"""The page on which an admin changes the password."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts import services
from accounts.models import Admin


class OwnPasswordForm(AdminPasswordChangeForm):
    def __init__(self, *args: Any, address: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not services.password_is_right(self.user, password, address=self.address):
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password

    def clean_new_password1(self) -> str:
        password: str = self.cleaned_data["new_password1"]
        if password == self.cleaned_data.get("old_password"):
            raise forms.ValidationError("Choose another password than the old one.", code="same_password")
        return password

    def save(self, commit: bool = True) -> Admin:
        services.change_own_password(self.user, self.cleaned_data["new_password1"])
        return self.user


@method_decorator(never_cache, name="dispatch")
class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("admin:index")
    title = "Change your password"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "address": getattr(self.request, "client_address", None)}

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, "Your password was changed. Everywhere else you are signed out.")
        return response
