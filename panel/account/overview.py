"""The page of one's own account, and the buttons on it that end sign-ins."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.generic import View

from accounts import services
from accounts.models import Admin, PanelSession, TokenFamily, TotpDevice
from accounts.sessions import current_session_digest
from accounts.two_factor.security_keys import host_for_keys
from audit.actors import acting_admin
from audit.models import Event
from panel.account.google.linking import google_account_of
from panel.account.notices import notices_of
from panel.account.pages import MAX_SHOWN, current_admin, render_page
from panel.account.token_list import tokens_of
from panel.people.history import latest_attempts


class AccountView(View):
    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        owner = current_admin(request)
        return render_page(
            request,
            "overview",
            "Your account",
            totp_device=TotpDevice.objects.filter(admin=owner).first(),
            security_keys=owner.security_keys.order_by("created_at"),
            has_second_factor=owner.has_second_factor(),
            codes_left=owner.recovery_codes.filter(used_at=None).count(),
            host_for_keys=host_for_keys(request.get_host()),
            sign_in_attempts=latest_attempts(owner),
            owner=owner,
            **notices_of(owner),
            **google_account_of(owner),
            **tokens_of(owner, at=timezone.now()),
            **sign_ins_of(owner, current_session=current_session_digest(request), at=timezone.now()),
        )


def sign_ins_of(owner: Admin, *, current_session: str, at: datetime) -> dict[str, Any]:
    """Where an admin is signed in now: the context of `browsers.html` and `api_sign_ins.html`."""
    current_first = ExpressionWrapper(Q(pk=current_session), BooleanField()).desc()
    browsers = PanelSession.live(at=at).filter(admin=owner).order_by(current_first, "-last_used_at")
    api_sign_ins = TokenFamily.objects.filter(admin=owner).live(at=at).order_by("-created_at")
    return {
        "browsers": browsers[:MAX_SHOWN],
        "more_browsers": browsers[MAX_SHOWN:].count(),
        "current_session": current_session,
        "api_sign_ins": api_sign_ins[:MAX_SHOWN],
        "more_api_sign_ins": api_sign_ins[MAX_SHOWN:].count(),
    }


class EndSignInsView(View):
    """A button that ends sign-ins and goes back to its page."""

    http_method_names = ["post"]

    @property
    def owner(self) -> Admin:
        """Whose sign-ins it ends."""
        return current_admin(self.request)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        messages.success(request, self.end(by=by, at=at))
        return self.back()

    def back(self) -> HttpResponse:
        return redirect("admin:account")

    def end(self, **who_and_when: Any) -> str:
        """Returns the message for the page."""
        raise NotImplementedError


class EndBrowserView(EndSignInsView):
    def end(self, **who_and_when: Any) -> str:
        digest = self.request.POST.get("session", "")[:64].replace("\0", "")
        ended = services.end_browser_session(self.owner, digest, **who_and_when)
        return "That browser is signed out." if ended else "That browser was signed out already."


class EndApiSignInView(EndSignInsView):
    def end(self, **who_and_when: Any) -> str:
        try:
            family_id = uuid.UUID(self.request.POST.get("family", ""))
        except ValueError:
            family_id = uuid.UUID(int=0)
        ended = services.end_api_sign_in(self.owner, family_id, **who_and_when)
        return "That sign-in is ended, with its access token." if ended else "That sign-in had ended already."


class EndOthersView(EndSignInsView):
    def end(self, **who_and_when: Any) -> str:
        keep = current_session_digest(self.request)
        services.end_other_sign_ins(self.owner, keep_session=keep, **who_and_when)
        return "You are signed out everywhere else."
