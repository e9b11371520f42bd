"""Signing in to the panel: first the password, then the second factor of an admin who has one."""

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

from accounts import services
from accounts.backends import ASKED_LATER
from accounts.errors import EnrolmentExpired
from accounts.models import Admin, SignInAttempt
from accounts.news import news_since
from accounts.required_steps import required_step
from panel.account.google.recent import record_google_sign_in
from panel.account.present_factor import WRONG, answer_field, code_field, is_right_factor, key_options
from panel.account.start_page import page_after_sign_in

BACKEND = "accounts.backends.GuardedBackend"
PENDING_SIGN_IN = "pending_sign_in"
FEW_CODES = 3


class PasswordForm(AdminAuthenticationForm):
    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": "The user name or the password is wrong. Both are case-sensitive.",
    }

    def clean(self) -> dict[str, Any]:
        credentials = {name: self.cleaned_data.get(name) for name in ("username", "password")}
        if all(credentials.values()):
            self.user_cache = authenticate(self.request, **credentials, otp=ASKED_LATER)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if required_step(user, at=timezone.now()) is EnrolmentExpired:
            assert self.request is not None
            record_held_up(self.request, user, typed_name=self.cleaned_data["username"])
            raise forms.ValidationError(EnrolmentExpired.title, code=EnrolmentExpired.code)


def record_held_up(request: HttpRequest, person: Admin, *, typed_name: str, with_google: bool = False) -> None:
    facts = facts_of(request, typed_name)
    services.record_attempt(SignInAttempt.Outcome.STEP_REQUIRED, admin=person, with_google=with_google, **facts)


def facts_of(request: HttpRequest, typed_name: str) -> dict[str, Any]:
    """What the record of sign-ins holds of this request."""
    source, address = SignInAttempt.Source.PANEL, getattr(request, "client_address", None)
    return {"username": typed_name, "source": source, "address": address, "at": timezone.now()}


def finish_sign_in(request: HttpRequest, person: Admin, *, typed_name: str, with_google: bool) -> None:
    wrong_codes = services.finish_sign_in(person, with_google=with_google, **facts_of(request, typed_name))
    if news := news_since(person, person.last_login):
        messages.warning(request, f"Since your last sign-in: {', '.join(news)}.")
    if wrong_codes:
        times = "once" if wrong_codes == 1 else f"{wrong_codes} times"
        # Without a password only Google's can be known to others, and only Google can change it.
        first_factor, advice = "Google account", "change its password at Google"
        if person.has_usable_password():
            first_factor, advice = "password or Google account", "change your password"
        messages.warning(
            request,
            f"Somebody gave your right {first_factor} with a wrong code {times} since your last sign-in."
            f" If it was not you, {advice}.",
        )


class PasswordView(LoginView):
    authentication_form = PasswordForm
    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        person, typed_name = form.get_user(), form.cleaned_data["username"]
        next_url = page_after_sign_in(person, asked=self.get_redirect_url())
        return continue_sign_in(self.request, person, typed_name=typed_name, next_url=next_url)


def continue_sign_in(
    request: HttpRequest, person: Admin, *, typed_name: str, next_url: str, with_google: bool = False
) -> HttpResponse:
    """After the right password or Google account: ask for the second factor, or sign in somebody who has none."""
    # This signs out an admin who was signed in with this browser before, so that the new session has its full time.
    request.session.flush()
    if not person.has_second_factor():
        finish_sign_in(request, person, typed_name=typed_name, with_google=with_google)
        login(request, person, backend=BACKEND)
        if with_google:
            record_google_sign_in(request)
        return redirect(next_url)
    began_at = timezone.now().timestamp()
    pending = PendingSignIn(person.pk, person.get_session_auth_hash(), began_at, next_url, with_google)
    request.session[PENDING_SIGN_IN] = asdict(pending)
    return redirect("admin:second_factor")


@dataclass(frozen=True)
class PendingSignIn:
    """A right password or Google account was given; kept in the session until the second factor is.

    `session_hash` is compared with the admin's, which changes with the password, and when the admin is disabled or the Google
    account unlinked. `began_at` is in seconds since 1970.
    """

    admin_id: int
    session_hash: str
    began_at: float
    next_url: str
    with_google: bool = False

    def admin(self) -> Admin | None:
        """None if too much time went by or the admin was changed."""
        if timezone.now().timestamp() - self.began_at > settings.SECOND_FACTOR_WITHIN.total_seconds():
            return None
        person = Admin.objects.filter(pk=self.admin_id, is_active=True).first()
        if person and constant_time_compare(self.session_hash, person.get_session_auth_hash()):
            return person
        return None


class SecondFactorForm(forms.Form):
    code = code_field(
        help_text="From your authenticator app, or one of your recovery codes.", attrs={"autofocus": True}
    )
    answer = answer_field()


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SecondFactorView(View):
    """Asks for the second factor after a right password in this session, given less than SECOND_FACTOR_WITHIN ago."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if isinstance(request.user, Admin):
            return redirect("admin:index")
        kept = request.session.get(PENDING_SIGN_IN)
        pending = PendingSignIn(**kept) if kept else None
        person = pending.admin() if pending else None
        if pending is None or person is None:
            messages.error(request, "Please sign in again: this page has expired, or your account was changed.")
            return redirect("admin:login")
        self.pending, self.person = pending, person
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(SecondFactorForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SecondFactorForm(request.POST)
        with_google = self.pending.with_google
        if form.is_valid() and is_right_factor(request, self.person, with_google=with_google, **form.cleaned_data):
            return self.sign_in()
        if form.is_valid():
            form = SecondFactorForm({})  # an empty field for the next code
            form.add_error(None, WRONG)
        return self.render(form)

    def sign_in(self) -> HttpResponse:
        del self.request.session[PENDING_SIGN_IN]
        finish_sign_in(self.request, self.person, typed_name=self.person.username, with_google=self.pending.with_google)
        login(self.request, self.person, backend=BACKEND)
        if self.pending.with_google:
            record_google_sign_in(self.request)
        left = self.person.recovery_codes.filter(used_at=None).count()
        if left <= FEW_CODES:
            messages.warning(
                self.request, f"You have {left} recovery codes left. Make new ones on the page of your account."
            )
        return redirect(self.pending.next_url)

    def render(self, form: forms.Form) -> HttpResponse:
        options = key_options(self.request, self.person)
        context = {
            **admin.site.each_context(self.request),
            "title": "Second factor",
            "form": form,
            "options": options,
            "keys_elsewhere": not options and self.person.security_keys.exists(),
        }
        return TemplateResponse(self.request, "panel/account/second_factor.html", context)
