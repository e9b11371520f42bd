"""Signing in to the panel: the password, then the second factor of whoever has one. Until then nobody is signed in."""

import logging
from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import authenticate, login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from accounts.backends import ASKED_LATER
from accounts.models import Admin
from accounts.two_factor import services
from accounts.two_factor.security_keys import host_for_keys, sign_in_options

BACKEND = "accounts.backends.GuardedBackend"
STAGE = "password_stage"
CHALLENGE = "security_key_challenge"
FEW_CODES = 3
WRONG = "That was not right, or was used before. An app shows a new code every 30 seconds."
log = logging.getLogger("portcullis.accounts")


class PasswordForm(AdminAuthenticationForm):
    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": "The user name or the password is wrong. Both tell capitals from small letters.",
    }

    def clean(self) -> dict[str, Any]:
        credentials = {name: self.cleaned_data.get(name) for name in ("username", "password")}
        if all(credentials.values()):
            self.user_cache = authenticate(self.request, **credentials, otp=ASKED_LATER)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class PasswordView(LoginView):
    authentication_form = PasswordForm
    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        person = form.get_user()
        if not person.has_second_factor():
            return super().form_valid(form)
        # Whoever was signed in here before is not any more.
        self.request.session.flush()
        begin_stage(self.request, person, leads_to=self.get_success_url())
        return redirect("admin:second_factor")


@dataclass(frozen=True)
class Stage:
    """A right password, kept in the session until the second factor follows. The mark is that of a session: another
    password, or having been disabled, makes it void."""

    admin_id: int
    mark: str
    began_at: float
    leads_to: str

    def admin(self) -> Admin | None:
        """Whose password it was, if it still counts."""
        if timezone.now().timestamp() - self.began_at > settings.SECOND_FACTOR_WITHIN.total_seconds():
            return None
        person = Admin.objects.filter(pk=self.admin_id, is_active=True).first()
        still = person is not None and constant_time_compare(self.mark, person.get_session_auth_hash())
        return person if still else None


def begin_stage(request: HttpRequest, person: Admin, *, leads_to: str) -> None:
    now = timezone.now().timestamp()
    request.session[STAGE] = asdict(Stage(person.pk, person.get_session_auth_hash(), now, leads_to))


class SecondFactorForm(forms.Form):
    code = forms.CharField(
        required=False,
        max_length=40,
        help_text="From your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )
    answer = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SecondFactorView(View):
    """Asks whoever gave a right password less than five minutes ago, in this session."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if isinstance(request.user, Admin):
            return redirect("admin:index")
        kept = request.session.get(STAGE)
        self.stage = Stage(**kept) if kept else None
        person = self.stage.admin() if self.stage else None
        if person is None:
            messages.error(request, "Sign in again: too much time went by, or your account was changed.")
            return redirect("admin:login")
        self.person = person
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.ask(SecondFactorForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SecondFactorForm(request.POST)
        challenge = request.session.pop(CHALLENGE, None)
        if form.is_valid() and self.proves(form.cleaned_data, challenge):
            return self.sign_in()
        if form.is_valid():
            form = SecondFactorForm({})  # an empty field for the next code
            form.add_error(None, WRONG)
            log.warning("%s gave the right password and a wrong second factor", self.person.username)
        return self.ask(form)

    def proves(self, given: dict[str, str], challenge: Any) -> bool:
        address, now = getattr(self.request, "client_address", None), timezone.now()
        host = host_for_keys(self.request.get_host())
        if given["answer"] and challenge and host:
            return services.key_is_right(
                self.person, given["answer"], host=host, state=challenge, address=address, at=now
            )
        return services.code_is_right(self.person, given["code"], address=address, at=now)

    def sign_in(self) -> HttpResponse:
        assert self.stage is not None
        del self.request.session[STAGE]
        login(self.request, self.person, backend=BACKEND)
        left = self.person.recovery_codes.filter(used_at=None).count()
        if left <= FEW_CODES:
            messages.warning(
                self.request, f"You have {left} recovery codes left: make new ones on your account's page."
            )
        return redirect(self.stage.leads_to)

    def ask(self, form: forms.Form) -> HttpResponse:
        host = host_for_keys(self.request.get_host())
        asked = sign_in_options(self.person, host) if host else None
        if asked:
            self.request.session[CHALLENGE] = asked[1]
        context = {
            **admin.site.each_context(self.request),
            "title": "Second factor",
            "form": form,
            "options": asked[0] if asked else None,
            "keys_elsewhere": not asked and self.person.security_keys.exists(),
        }
        return TemplateResponse(self.request, "accounts/second_factor.html", context)
