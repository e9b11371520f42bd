"""Linking and unlinking one's own Google account."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts.google.authorization import is_panel_sign_in_on
from accounts.google.identity import GoogleIdentity
from accounts.google.services import link_google_account, unlink_google_account
from accounts.models import Admin, GoogleAccount
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from panel.account.confirmation import needs_confirmation
from panel.account.google.journeys import LINK, Journey, send_to_google
from panel.account.google.proven import PROVEN, keep_identity, proven_identity
from panel.account.pages import current_admin, render_page


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
            messages.success(
                request,
                "No Google account is linked to yours now. You are signed out everywhere else, and your tokens are revoked.",
            )
        return redirect("admin:account")


def google_account_of(owner: Admin) -> dict[str, Any]:
    """The context of `panel/account/google.html`."""
    account = GoogleAccount.objects.filter(admin=owner).first()
    return {"google_account": account, "is_google_on": is_panel_sign_in_on()}
