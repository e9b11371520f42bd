"""Signing in with Google on the sign-in page."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts.counters import sign_in_counters
from accounts.errors import AccessPending, AccessUnknown, EnrolmentExpired, TooManyLoginAttempts
from accounts.google.authorization import refuse_if_panel_is_off
from accounts.google.identity import GoogleIdentity
from accounts.google.sign_in import Attempt, find_google_admin, is_request_waiting
from accounts.required_steps import required_step
from common.web.client_address import address_bucket, wider_buckets
from panel.account.google.journeys import SIGN_IN, Journey, send_to_google
from panel.account.google.proven import keep_identity, proven_identity
from panel.account.sign_in import continue_sign_in, record_held_up
from panel.account.start_page import page_after_sign_in

# From one address; from the wider networks of an IPv6 address as many times more as at the sign-in.
STARTS_PER_MINUTE = 60


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


def refuse_flood(request: HttpRequest) -> None:
    """Each start without a session makes one, which is a row. Raises TooManyLoginAttempts."""
    counters = sign_in_counters()
    address = getattr(request, "client_address", None)
    for network, times in {address_bucket(address): 1, **wider_buckets(address)}.items():
        if counters.count(f"google:starts:{network}", timeout=60) > times * STARTS_PER_MINUTE:
            raise TooManyLoginAttempts(retry_after_seconds=60)


def sign_in(request: HttpRequest, identity: GoogleIdentity, journey: Journey, attempt: Attempt) -> HttpResponse:
    """The next page of a proven identity. Raises InvalidCredentials for a disabled admin."""
    try:
        person = find_google_admin(identity, attempt)
    except (AccessPending, AccessUnknown):
        keep_identity(request, identity)
        return redirect("admin:google_unknown")
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


@method_decorator(never_cache, name="dispatch")
class UnknownView(View):
    """Tells somebody whom Google knows and we do not what they can do."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        identity = proven_identity(request)
        if identity is None:
            return redirect("admin:login")
        is_pending = is_request_waiting(identity)
        title = "Your request is waiting" if is_pending else "This Google account is not known here"
        context = {**admin.site.each_context(request), "title": title, "identity": identity, "is_pending": is_pending}
        return TemplateResponse(request, "panel/account/google_unknown.html", context)
