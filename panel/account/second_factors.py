"""Adding and removing one's own second factors, and new recovery codes.

Each page asks for the password again, and for a factor that the person has, if there is one.
"""

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
from accounts.services import check_password
from accounts.two_factor import services
from accounts.two_factor.codes import app_uri, matching_step, new_secret
from accounts.two_factor.encryption import DecryptionFailed, decrypt, encrypt
from accounts.two_factor.security_keys import host_for_keys, new_credential, registration_options
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.account.google.recent import ASKED, is_google_sign_in_recent
from panel.account.pages import current_admin, render_page
from panel.account.present_factor import WRONG, answer_field, code_field, is_right_factor, key_options

NEW_SECRET = "new_totp_secret"  # noqa: S105 - the key of an encrypted value in the session
NEW_KEY = "new_security_key"
WRONG_NEW_CODE = "That code is wrong. Is the clock of your phone right?"


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    present_code = code_field(
        label="Code of your present second factor",
        help_text="From your authenticator app, or one of your recovery codes.",
    )
    answer = answer_field()

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, person = request, current_admin(request)
        if not person.has_second_factor():
            del self.fields["present_code"]
        self.needs_google = not person.has_usable_password() and not is_google_sign_in_recent(request)
        if not person.has_usable_password():
            del self.fields["password"]

    def clean(self) -> dict[str, Any]:
        if self.needs_google:
            raise forms.ValidationError(ASKED, code="google_needed")
        return self.cleaned_data

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        address = getattr(self.request, "client_address", None)
        if not check_password(current_admin(self.request), password, address=address):
            raise forms.ValidationError("This is not your password.", code="password_incorrect")
        return password


class NewAppForm(ConfirmForm):
    code = forms.CharField(
        label="Code that the new app shows",
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    field_order = ("code", "password", "present_code")


class NewKeyForm(ConfirmForm):
    name = forms.CharField(max_length=60, help_text='For example "blue key" or "my laptop".')
    answer = forms.CharField(max_length=20_000, widget=forms.HiddenInput)
    field_order = ("name", "password", "present_code")


class SecondFactorFormView(View):
    """A page with a form about the second factors of the signed-in admin."""

    form_class: type[ConfirmForm] = ConfirmForm
    template = "confirm"
    title = ""

    @method_decorator(sensitive_post_parameters())
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.owner = current_admin(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.render(self.form_class(request))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.form_class(request, request.POST)
        if form.is_valid():
            self.check(form)
        if form.is_valid() and not self.has_present_factor(form):
            form.add_error(None, WRONG)
        if form.is_valid():
            try:
                answer = self.form_valid(form)
            except DomainError as error:
                form.add_error(None, error.detail)
            else:
                if answer is not None:
                    return answer
        return self.render(form)

    def check(self, form: Any) -> None:
        """Add errors that do not depend on the present factor, which is used up when it is checked."""

    def has_present_factor(self, form: Any) -> bool:
        if "present_code" not in form.fields:
            return True
        given = form.cleaned_data
        return is_right_factor(self.request, self.owner, code=given["present_code"], answer=self.key_answer(given))

    def key_answer(self, given: dict[str, str]) -> str:
        return given["answer"]

    def render(self, form: forms.Form) -> HttpResponse:
        is_required = needs_second_factor(self.owner) and not self.owner.has_second_factor()
        context = {
            "form": form,
            "owner": self.owner,
            "is_required": is_required,
            "key_options": self.key_options(),
            **self.page_context(),
        }
        if is_required:
            context["is_nav_sidebar_enabled"] = False
        return render_page(self.request, self.template, self.title, **context)

    def key_options(self) -> Any:
        return key_options(self.request, self.owner)

    def page_context(self) -> dict[str, Any]:
        return {}

    def form_valid(self, form: Any) -> HttpResponse | None:
        """None after adding an error to the form."""
        raise NotImplementedError

    def who_and_when(self) -> dict[str, Any]:
        return {"by": acting_admin(self.request, Event.Source.ADMIN), "at": timezone.now()}

    def stay_signed_in(self, person: Admin) -> None:
        """Renew this browser's session if the change has just ended all sign-ins."""
        if person.token_generation != self.owner.token_generation:
            update_session_auth_hash(self.request, person)

    def after_adding(self, result: services.AddedFactor, message: str) -> HttpResponse:
        self.stay_signed_in(result.admin)
        messages.success(self.request, message)
        if result.recovery_codes is None:
            return redirect("admin:account")
        return render_page(self.request, "recovery_codes", "Recovery codes", codes=result.recovery_codes)


class AddTotpView(SecondFactorFormView):
    form_class, template, title = NewAppForm, "add_totp", "Add an authenticator app"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.secret = new_secret()
        # Encrypted in the session as well, whose content is readable in the table.
        ciphertext = encrypt(self.secret, owner=self.owner.pk)
        request.session[NEW_SECRET] = base64.b64encode(ciphertext).decode()
        return super().get(request, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            self.secret = decrypt(base64.b64decode(request.session[NEW_SECRET]), owner=self.owner.pk)
        except (KeyError, binascii.Error, DecryptionFailed):
            messages.error(request, "This page has expired. Recovery codes are shown only once.")
            return redirect("admin:account")
        return super().post(request, **kwargs)

    def page_context(self) -> dict[str, Any]:
        groups = [self.secret[start : start + 4] for start in range(0, len(self.secret), 4)]
        return {"secret": " ".join(groups), "qr": qr_code(app_uri(self.secret, self.owner.username, "Portcullis"))}

    def check(self, form: Any) -> None:
        if matching_step(self.secret, form.cleaned_data["code"].replace(" ", ""), at=timezone.now()) is None:
            form.add_error("code", WRONG_NEW_CODE)

    def form_valid(self, form: Any) -> HttpResponse | None:
        added = services.add_totp(self.owner.pk, self.secret, code=form.cleaned_data["code"], **self.who_and_when())
        if added is None:
            form.add_error("code", WRONG_NEW_CODE)
            return None
        self.request.session.pop(NEW_SECRET)
        return self.after_adding(added, "The authenticator app is set up.")


def qr_code(content: str) -> SafeString:
    """Black on white in dark mode too, as cameras need it."""
    svg = segno.make_qr(content, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass="qr")
    return mark_safe(svg)  # noqa: S308 - paths and numbers alone


class AddSecurityKeyView(SecondFactorFormView):
    """`answer` is that of the new key, so the present factor is a code."""

    form_class, template, title = NewKeyForm, "add_security_key", "Add a security key"

    def key_answer(self, given: dict[str, str]) -> str:
        return ""

    def key_options(self) -> Any:
        return None

    def page_context(self) -> dict[str, Any]:
        host = host_for_keys(self.request.get_host())
        if host is None:
            return {"options": None}
        options, state = registration_options(self.owner, host)
        self.request.session[NEW_KEY] = state
        return {"options": options}

    def form_valid(self, form: Any) -> HttpResponse | None:
        host, state = host_for_keys(self.request.get_host()), self.request.session.pop(NEW_KEY, None)
        if host is None or state is None:
            form.add_error(None, "This page has expired. Please try again.")
            return None
        credential = new_credential(form.cleaned_data["answer"], host, state)
        added = services.add_security_key(
            self.owner.pk, form.cleaned_data["name"], credential, host=host, **self.who_and_when()
        )
        return self.after_adding(added, "The security key is set up.")


class RemoveTotpView(SecondFactorFormView):
    title = "Remove the authenticator app"

    def page_context(self) -> dict[str, Any]:
        if not hasattr(self.owner, "totp_device"):
            raise Http404
        return {"question": "The panel and the API will no longer ask for its codes.", "verb": "Remove"}

    def form_valid(self, form: Any) -> HttpResponse:
        self.stay_signed_in(services.remove_totp(self.owner.pk, **self.who_and_when()))
        messages.success(self.request, "The authenticator app is removed.")
        return redirect("admin:account")


class RemoveSecurityKeyView(SecondFactorFormView):
    title = "Remove a security key"

    def page_context(self) -> dict[str, Any]:
        key = get_object_or_404(SecurityKey, admin=self.owner, pk=self.kwargs["key_id"])
        return {"question": f"“{key.name}” will no longer sign you in.", "verb": "Remove"}

    def form_valid(self, form: Any) -> HttpResponse:
        key_id = self.kwargs["key_id"]
        self.stay_signed_in(services.remove_security_key(self.owner.pk, key_id, **self.who_and_when()))
        messages.success(self.request, "The security key is removed.")
        return redirect("admin:account")


class RenewRecoveryCodesView(SecondFactorFormView):
    title = "New recovery codes"

    def page_context(self) -> dict[str, Any]:
        if not self.owner.has_second_factor():
            raise Http404
        return {"question": "Your present codes will stop working.", "verb": "Make new codes"}

    def form_valid(self, form: Any) -> HttpResponse:
        renewed = services.renew_recovery_codes(self.owner.pk, **self.who_and_when())
        self.stay_signed_in(renewed.admin)
        return render_page(self.request, "recovery_codes", "Recovery codes", codes=renewed.recovery_codes)
