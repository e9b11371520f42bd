"""The page of a site for the restaurant's owner, and the same as JSON. It needs no account, no cookie and no script."""

import logging
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from common.api.problems import (
    DATABASE_UNAVAILABLE,
    RETRY_AFTER_OUTAGE_SECONDS,
    domain_problem,
    unavailable_response,
)
from common.errors import DomainError, http_status
from common.instants import format_instant
from documents.shares.errors import ShareLinkNotFound, TooManyWrongLinks
from documents.shares.failures import count_wrong_link
from documents.shares.page import SharedSite, open_share_page
from documents.shares.words import page_words

HTML, JSON = "text/html", "application/json"
HEADERS = {
    # A revoked link shows nothing, also from a browser's history or a proxy.
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    # The address is the secret.
    "Referrer-Policy": "no-referrer",
}

log = logging.getLogger("portcullis.shares")


# A method that is not allowed is answered before the check for forged forms.
@method_decorator(csrf_exempt, name="dispatch")
class SharePageView(View):
    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except DATABASE_UNAVAILABLE as error:
            log.error("the database does not answer: %s", error)
            response = unavailable_response() if wants_json(request) else outage()
        for name, value in HEADERS.items():
            response.headers[name] = value
        patch_vary_headers(response, ["Accept"])
        return response

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        at = timezone.now()
        try:
            try:
                site = open_share_page(token, at=at, is_visit=request.method == "GET")
            except ShareLinkNotFound:
                count_wrong_link(getattr(request, "client_address", None))
                raise
        except (ShareLinkNotFound, TooManyWrongLinks) as error:
            return domain_problem(error) if wants_json(request) else refusal(error)
        if wants_json(request):
            return JsonResponse(representation(site))
        return page("documents/shares/page.html", {"site": site, "words": page_words(site, at=at)})


def wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type([HTML, JSON]) == JSON


def representation(site: SharedSite) -> dict[str, Any]:
    return {
        "name": site.name,
        "licensed": site.licensed,
        "license_expires_at": format_instant(site.license_expires_at),
        "is_locked": site.is_locked,
        "lock_reason": site.lock_reason,
        "last_seen_at": site.last_seen_at and format_instant(site.last_seen_at),
    }


def refusal(error: DomainError) -> HttpResponse:
    response = page("documents/shares/refusal.html", {"error": error}, status=http_status(error))
    if isinstance(error, TooManyWrongLinks):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def outage() -> HttpResponse:
    response = page("documents/shares/outage.html", {}, status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER_OUTAGE_SECONDS)
    return response


def page(template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Rendered without the request, so that no session is read."""
    vendor = {"vendor_name": settings.VENDOR_NAME, "vendor_contact": settings.VENDOR_CONTACT}
    return HttpResponse(render_to_string(template, {**vendor, **context}), status=status)
