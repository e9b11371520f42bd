"""One's own account: where one is signed in, and the ends of it."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import services
from accounts.models import Admin, PanelSession, TokenFamily, TotpDevice
from accounts.sessions import digest_of_session
from accounts.two_factor.security_keys import host_for_keys

GONE = "It had ended already."
# A script may sign in thousands of times; whoever wants those gone ends them all by one button.
SHOWN_AT_MOST = 50


def signed_in(request: HttpRequest) -> Admin:
    """Who looks; the admin site lets nobody else come here."""
    assert isinstance(request.user, Admin)
    return request.user


def page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    everywhere = admin.site.each_context(request)
    return TemplateResponse(request, f"accounts/{template}.html", {**everywhere, "title": title, **context})


@require_GET
def account(request: HttpRequest) -> HttpResponse:
    now, owner, here = timezone.now(), signed_in(request), digest_of_session(request)
    this_one_first = ExpressionWrapper(Q(pk=here), BooleanField()).desc()
    browsers = PanelSession.objects.filter(admin=owner, expire_date__gt=now).order_by(this_one_first, "-last_used_at")
    api_sign_ins = TokenFamily.objects.filter(admin=owner).live(at=now).order_by("-created_at")
    return page(
        request,
        "account",
        "Your account",
        totp_device=TotpDevice.objects.filter(admin=owner).first(),
        security_keys=owner.security_keys.order_by("created_at"),
        has_second_factor=owner.has_second_factor(),
        codes_left=owner.recovery_codes.filter(used_at=None).count(),
        host_for_keys=host_for_keys(request.get_host()),
        browsers=browsers[:SHOWN_AT_MOST],
        more_browsers=browsers[SHOWN_AT_MOST:].count(),
        this_browser=here,
        api_sign_ins=api_sign_ins[:SHOWN_AT_MOST],
        more_api_sign_ins=api_sign_ins[SHOWN_AT_MOST:].count(),
    )


@require_POST
def end_browser(request: HttpRequest) -> HttpResponse:
    ended = services.end_panel_session(signed_in(request), request.POST.get("session", "")[:64].replace("\0", ""))
    messages.success(request, "That browser is signed out." if ended else GONE)
    return redirect("admin:account")


@require_POST
def end_api_sign_in(request: HttpRequest) -> HttpResponse:
    try:
        family_id = uuid.UUID(request.POST.get("family", ""))
    except ValueError:
        family_id = uuid.UUID(int=0)
    ended = services.end_api_sign_in(signed_in(request), family_id, at=timezone.now())
    messages.success(request, "That sign-in is ended, with its access token." if ended else GONE)
    return redirect("admin:account")


@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    services.end_everything_else(signed_in(request), but=digest_of_session(request), at=timezone.now())
    messages.success(request, "Everywhere else you are signed out.")
    return redirect("admin:account")
