"""One's own second factors: adding one, taking one away, new recovery codes. Each asks for the password once more."""

import base64
import binascii
from typing import Any

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from accounts.models import Admin, SecurityKey
from accounts.required_steps import needs_second_factor
from accounts.services import password_is_right
from accounts.two_factor import services
from accounts.two_factor.codes import app_uri, new_secret
from accounts.two_factor.encryption import Unreadable, opened, sealed
from accounts.two_factor.security_keys import host_for_keys, new_credential, registration_options
from common.errors import DomainError
from panel.account.account import page, signed_in

NEW_SECRET = "new_totp_secret"  # noqa: S105 - where it is kept, sealed
NEW_KEY = "new_security_key"


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        address = getattr(self.request, "client_address", None)
        if not password_is_right(signed_in(self.request), password, address=address):
            raise forms.ValidationError("This is not your password.", code="password_incorrect")
        return password


class NewAppForm(ConfirmForm):
    code = forms.CharField(
        label="Code that the app shows",
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    field_order = ("code", "password")


class NewKeyForm(ConfirmForm):
    name = forms.CharField(max_length=60, help_text='What you call it, such as "blue key" or "my laptop".')
    answer = forms.CharField(max_length=20_000, widget=forms.HiddenInput)
    field_order = ("name", "password")

    def clean_answer(self) -> str:
        return str(self.cleaned_data["answer"])


class OwnPage(View):
    """A page with a form about the second factors of whoever looks."""

    form_class: type[ConfirmForm] = ConfirmForm
    template = "confirm"
    title = ""

    @method_decorator(sensitive_post_parameters())
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.owner = signed_in(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.show(self.form_class(request))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.form_class(request, request.POST)
        if form.is_valid():
            try:
                answer = self.do(form)
            except DomainError as error:
                form.add_error(None, error.detail)
            else:
                if answer is not None:
                    return answer
        return self.show(form)

    def show(self, form: forms.Form) -> HttpResponse:
        must = needs_second_factor(self.owner) and not self.owner.has_second_factor()
        context = {"form": form, "must_enrol": must, **self.shown()}
        if must:
            context["is_nav_sidebar_enabled"] = False
        return page(self.request, self.template, self.title, **context)

    def shown(self) -> dict[str, Any]:
        return {}

    def do(self, form: Any) -> HttpResponse | None:
        """None when the form says why not."""
        raise NotImplementedError

    def stay_signed_in(self, person: Admin) -> None:
        """After all that was signed in ended, this browser too."""
        if person.token_generation != self.owner.token_generation:
            update_session_auth_hash(self.request, person)

    def added(self, result: services.Added, words: str) -> HttpResponse:
        self.stay_signed_in(result.admin)
        messages.success(self.request, words)
        if result.recovery_codes is None:
            return redirect("admin:account")
        return page(self.request, "recovery_codes", "Recovery codes", codes=result.recovery_codes)


class AddTotpView(OwnPage):
    form_class, template, title = NewAppForm, "add_totp", "Add an authenticator app"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.secret = new_secret()
        # Sealed also here, where it waits for its first code: a session's content is readable in the table.
        box = sealed(self.secret, owner=self.owner.pk)
        request.session[NEW_SECRET] = base64.b64encode(box).decode()
        return super().get(request, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            self.secret = opened(base64.b64decode(request.session[NEW_SECRET]), owner=self.owner.pk)
        except (KeyError, binascii.Error, Unreadable):
            messages.error(request, "This page was used or is too old. Recovery codes are shown once.")
            return redirect("admin:account")
        return super().post(request, **kwargs)

    def shown(self) -> dict[str, Any]:
        groups = [self.secret[start : start + 4] for start in range(0, len(self.secret), 4)]
        return {"secret": " ".join(groups), "qr": qr_code(app_uri(self.secret, self.owner.username, "Portcullis"))}

    def do(self, form: Any) -> HttpResponse | None:
        added = services.add_totp(self.owner.pk, self.secret, code=form.cleaned_data["code"], at=timezone.now())
        if added is None:
            form.add_error("code", "This is not the code that belongs to the secret. Is the telephone's clock right?")
            return None
        self.request.session.pop(NEW_SECRET)
        return self.added(added, "The authenticator app is set up.")


def qr_code(content: str) -> SafeString:
    """Black on white whatever the page looks like: cameras want it so."""
    svg = segno.make_qr(content, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass="qr")
    return mark_safe(svg)  # noqa: S308 - paths and numbers alone


class AddSecurityKeyView(OwnPage):
    form_class, template, title = NewKeyForm, "add_security_key", "Add a security key"

    def shown(self) -> dict[str, Any]:
        host = host_for_keys(self.request.get_host())
        if host is None:
            return {"options": None}
        options, state = registration_options(self.owner, host)
        self.request.session[NEW_KEY] = state
        return {"options": options}

    def do(self, form: Any) -> HttpResponse | None:
        host, state = host_for_keys(self.request.get_host()), self.request.session.pop(NEW_KEY, None)
        if host is None or state is None:
            form.add_error(None, "This page was used or is too old; try again.")
            return None
        made = new_credential(form.cleaned_data["answer"], host, state)
        added = services.add_security_key(self.owner.pk, form.cleaned_data["name"], made, host=host, at=timezone.now())
        return self.added(added, "The security key is set up.")


class RemoveTotpView(OwnPage):
    title = "Remove the authenticator app"

    def shown(self) -> dict[str, Any]:
        if not hasattr(self.owner, "totp_device"):
            raise Http404
        return {"question": "Its codes will not be asked for any more.", "verb": "Remove"}

    def do(self, form: Any) -> HttpResponse:
        self.stay_signed_in(services.remove_totp(self.owner.pk, at=timezone.now()))
        messages.success(self.request, "The authenticator app is removed.")
        return redirect("admin:account")


class RemoveSecurityKeyView(OwnPage):
    title = "Remove a security key"

    def shown(self) -> dict[str, Any]:
        key = get_object_or_404(SecurityKey, admin=self.owner, pk=self.kwargs["key_id"])
        return {"question": f"“{key.name}” will not sign you in any more.", "verb": "Remove"}

    def do(self, form: Any) -> HttpResponse:
        key_id = self.kwargs["key_id"]
        self.stay_signed_in(services.remove_security_key(self.owner.pk, key_id, at=timezone.now()))
        messages.success(self.request, "The security key is removed.")
        return redirect("admin:account")


class RenewRecoveryCodesView(OwnPage):
    title = "New recovery codes"

    def shown(self) -> dict[str, Any]:
        if not self.owner.has_second_factor():
            raise Http404
        return {"question": "The codes that you have now will stop working.", "verb": "Make new codes"}

    def do(self, form: Any) -> HttpResponse:
        codes = services.renew_recovery_codes(self.owner.pk, at=timezone.now())
        return page(self.request, "recovery_codes", "Recovery codes", codes=codes)
