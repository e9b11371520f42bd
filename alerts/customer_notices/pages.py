"""The page behind the link to unsubscribe. It needs no account and no script.

GET changes nothing: programs that examine mails follow links. A POST needs no CSRF token: only the mail has the address of the
page, and mail programs send the POST themselves (RFC 8058).
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View

from alerts.customer_notices.services import is_subscribed, site_of, subscribe_again, unsubscribe
from alerts.customer_notices.tokens import Subscriber, read_token
from alerts.errors import UnsubscribeLinkInvalid
from audit.actors import acting_system


@method_decorator([csrf_exempt, never_cache], name="dispatch")
class UnsubscribeView(View):
    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.answer(request, token)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        change = subscribe_again if request.POST.get("again") == "yes" else unsubscribe
        by = acting_system(getattr(request, "client_address", None))
        try:
            change(read_token(token), by=by, at=timezone.now())
        except UnsubscribeLinkInvalid:
            return page(request, {"is_valid": False}, status=404)
        return self.answer(request, token)

    def answer(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            subscriber: Subscriber = read_token(token)
            site = site_of(subscriber)
        except UnsubscribeLinkInvalid:
            return page(request, {"is_valid": False}, status=404)
        return page(request, {"is_valid": True, "name": site.name, "is_subscribed": is_subscribed(subscriber)})


def page(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, "alerts/customer_notices/unsubscribe.html", context, status=status)
    response["X-Robots-Tag"] = "noindex"
    return response
