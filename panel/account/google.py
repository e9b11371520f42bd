"""Signing in with Google, and the Google account on the page of one's own account.

The browser goes to Google by a link and comes back to CallbackView, with the state of the session that it left from. What it
brings is a code, which our server exchanges; the ID token never passes through the browser.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts.errors import (
    AccessPending,
    AccessUnknown,
    EnrolmentExpired,
    GoogleUnavailable,
    InvalidCredentials,
    TooManyLoginAttempts,
)
from accounts.google.authorization import (
    Secrets,
    authorization_url,
    exchange_code,
    is_panel_sign_in_on,
    new_secrets,
    refuse_if_panel_is_off,
)
from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account, unlink_google_account
from accounts.google.sign_in import Attempt, find_google_admin, identify
from accounts.models import Admin, GoogleAccount, SignInAttempt
from accounts.required_steps import required_step
from audit.actors import acting_admin
from audit.models import Event
from common.counters import SqlCounterCache
from common.errors import DomainError
from common.web.client_address import address_bucket
from common.web.links import link
from panel.account.confirmation import needs_confirmation
from panel.account.google_confirmation import record_google_sign_in
from panel.account.pages import current_admin, render_page
from panel.account.sign_in import continue_sign_in, record_held_up
from panel.account.start_page import page_after_sign_in

# Entries of the session.
JOURNEY, PROVEN = "google_journey", "google_identity"
# In seconds: how long a person may take at Google, and then on our page.
MAX_AGE = 600
# From one address.
STARTS_PER_MINUTE = 60
SIGN_IN, LINK, AGAIN = "sign in", "link", "again"


@dataclass(frozen=True)
class Journey:
    """A browser that was sent to Google. `began_at` is in seconds since 1970; `admin_id`: who links an account, or confirms."""

    purpose: str
    state: str
    nonce: str
    verifier: str
    began_at: float
    next_url: str
    admin_id: int | None

    @property
    def secrets(self) -> Secrets:
        return Secrets(self.state, self.nonce, self.verifier)


def send_to_google(request: HttpRequest, purpose: str, *, next_url: str, admin_id: int | None = None) -> HttpResponse:
    refuse_if_panel_is_off()
    made = new_secrets()
    journey = Journey(purpose, made.state, made.nonce, made.verifier, timezone.now().timestamp(), next_url, admin_id)
    request.session[JOURNEY] = asdict(journey)
    return redirect(authorization_url(made, redirect_uri=redirect_uri(request)))


def refuse_flood(request: HttpRequest) -> None:
    """Each start without a session makes one, which is a row. Raises TooManyLoginAttempts."""
    counters = caches["sign_in_counters"]
    assert isinstance(counters, SqlCounterCache)
    bucket = address_bucket(getattr(request, "client_address", None))
    if counters.count(f"google:starts:{bucket}", timeout=60) > STARTS_PER_MINUTE:
        raise TooManyLoginAttempts(retry_after_seconds=60)


def redirect_uri(request: HttpRequest) -> str:
    """As it is registered at Google: below PUBLIC_URL, or where the browser is."""
    return link(request, "admin:google_callback")


@method_decorator(never_cache, name="dispatch")
class StartView(View):
    """The link on the sign-in page. A link and not a button: `form-action` lets no form lead to another host."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_if_panel_is_off()
        refuse_flood(request)
        target = request.GET.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
        return send_to_google(request, SIGN_IN, next_url=target if is_ours else reverse("admin:index"))


@method_decorator(never_cache, name="dispatch")
class CallbackView(View):
    """Where Google sends the browser back to. A state works once, in the session for which it was made."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        refuse_if_panel_is_off()
        journey = take_journey(request)
        if journey is None:
            messages.error(request, "This sign-in with Google has expired or was used already. Please start again.")
            return redirect("admin:login")
        back = "admin:login" if journey.purpose == SIGN_IN else "admin:account"
        if "error" in request.GET:
            is_cancelled = request.GET["error"] == "access_denied"
            messages.error(request, "You cancelled at Google." if is_cancelled else "Google refused. Please try again.")
            return redirect(back)
        attempt = Attempt(SignInAttempt.Source.PANEL, getattr(request, "client_address", None), timezone.now())
        try:
            code = request.GET.get("code", "")
            id_token = exchange_code(code, journey.secrets, redirect_uri=redirect_uri(request))
            identity = identify(id_token, attempt, nonce=journey.nonce)
            if journey.purpose == LINK:
                return ask_to_link(request, identity, journey)
            if journey.purpose == AGAIN:
                return confirm(request, identity, journey)
            return sign_in(request, identity, journey, attempt)
        except InvalidCredentials:
            messages.error(request, "You cannot sign in with this Google account.")
        except GoogleUnavailable as error:
            messages.error(request, error.detail)
        return redirect(back)


def take_journey(request: HttpRequest) -> Journey | None:
    """The journey that the state belongs to; None if it is another session's, too old, or was taken before."""
    kept, state = request.session.get(JOURNEY), request.GET.get("state", "")
    if kept is None or not constant_time_compare(state, kept["state"]):
        return None
    del request.session[JOURNEY]
    journey = Journey(**kept)
    if timezone.now().timestamp() - journey.began_at > MAX_AGE:
        return None
    # Two requests at the same moment both read the session before one of them saves it.
    digest = hashlib.sha256(state.encode()).hexdigest()
    return journey if caches["sign_in_counters"].add(f"google:state:{digest}", 1, timeout=MAX_AGE) else None


def sign_in(request: HttpRequest, identity: GoogleIdentity, journey: Journey, attempt: Attempt) -> HttpResponse:
    """The next page of a proven identity. Raises InvalidCredentials for a disabled admin."""
    try:
        person = find_google_admin(identity, attempt)
    except (AccessPending, AccessUnknown) as error:
        keep_identity(request, identity)
        return unknown_page(request, identity, is_pending=isinstance(error, AccessPending))
    if required_step(person, at=attempt.at) is EnrolmentExpired:
        record_held_up(request, person, typed_name=person.username, with_google=True)
        messages.error(request, EnrolmentExpired.title)
        return redirect("admin:login")
    return continue_sign_in(
        request,
        person,
        typed_name=person.username,
        next_url=page_after_sign_in(person, asked=journey.next_url),
        with_google=True,
    )


def keep_identity(request: HttpRequest, identity: GoogleIdentity) -> None:
    request.session[PROVEN] = {**asdict(identity), "at": timezone.now().timestamp()}


def proven_identity(request: HttpRequest) -> GoogleIdentity | None:
    """The Google account as which this browser came back from Google, less than MAX_AGE ago."""
    kept = request.session.get(PROVEN)
    if kept is None or timezone.now().timestamp() - kept["at"] > MAX_AGE:
        return None
    return GoogleIdentity(kept["subject"], kept["email"], kept["name"])


def unknown_page(request: HttpRequest, identity: GoogleIdentity, *, is_pending: bool) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Your request is waiting" if is_pending else "This Google account is not known here",
        "identity": identity,
        "is_pending": is_pending,
    }
    return TemplateResponse(request, "panel/account/google_unknown.html", context, status=403)


# --- One's own account -----------------------------------------------------------------------------------------------


class LinkView(View):
    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return send_to_google(request, LINK, next_url=reverse("admin:account"), admin_id=current_admin(request).pk)


def ask_to_link(request: HttpRequest, identity: GoogleIdentity, journey: Journey) -> HttpResponse:
    """Nothing is linked yet: somebody else's Google account may be signed in to this browser."""
    if not isinstance(request.user, Admin) or request.user.pk != journey.admin_id:
        messages.error(request, "Somebody else is signed in by now. Nothing was linked.")
        return redirect("admin:account")
    keep_identity(request, identity)
    return redirect("admin:confirm_google")


class AgainView(View):
    """For admins without a password; see `google_confirmation`."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return send_to_google(request, AGAIN, next_url=reverse("admin:account"), admin_id=current_admin(request).pk)


def confirm(request: HttpRequest, identity: GoogleIdentity, journey: Journey) -> HttpResponse:
    account = GoogleAccount.objects.filter(admin=journey.admin_id, subject=identity.subject)
    if not isinstance(request.user, Admin) or request.user.pk != journey.admin_id or not account.exists():
        messages.error(request, "This is not the Google account that is linked to yours.")
    else:
        record_google_sign_in(request)
        messages.success(request, "Confirmed. Go back to the tab with your form, and send it.")
    return redirect(journey.next_url)


@method_decorator(never_cache, name="dispatch")
class ConfirmLinkView(View):
    """Shows the Google account that would be linked, with a button."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        identity = proven_identity(request)
        if identity is None:
            messages.error(request, "Sign in to Google again: this page has expired.")
            return redirect("admin:account")
        return render_page(request, "google_link", "Link this Google account?", identity=identity)

    @needs_confirmation
    def post(self, request: HttpRequest) -> HttpResponse:
        identity = proven_identity(request)
        if identity is None:
            messages.error(request, "Sign in to Google again: this page has expired.")
            return redirect("admin:account")
        del request.session[PROVEN]
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        try:
            link_google_account(current_admin(request).pk, identity, by=by, at=at)
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, f"You can now sign in with the Google account {identity.email}.")
        return redirect("admin:account")


class UnlinkView(View):
    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        account = GoogleAccount.objects.filter(admin=current_admin(request)).first()
        if account is None:
            messages.error(request, "No Google account is linked.")
            return redirect("admin:account")
        return render_page(request, "google_unlink", "Unlink the Google account", account=account)

    @needs_confirmation
    def post(self, request: HttpRequest) -> HttpResponse:
        owner, by, at = current_admin(request), acting_admin(request, Event.Source.ADMIN), timezone.now()
        try:
            person = unlink_google_account(owner.pk, by=by, at=at)
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            if person.token_generation != owner.token_generation:
                update_session_auth_hash(request, person)  # this browser stays signed in
            messages.success(request, "No Google account is linked to yours now. You are signed out everywhere else.")
        return redirect("admin:account")


def google_account_of(owner: Admin) -> dict[str, Any]:
    """The context of `panel/account/google.html`."""
    account = GoogleAccount.objects.filter(admin=owner).first()
    return {"google_account": account, "is_google_on": is_panel_sign_in_on()}
