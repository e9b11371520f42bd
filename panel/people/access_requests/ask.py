"""The page on which a person asks for access, and the page that follows, which is the same for everyone."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from accounts.access_requests.asking import Asker, ask_with_password
from accounts.access_requests.limits import count_access_request
from panel.people.access_requests.forms import AskForm


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class RequestAccessView(View):
    """Too many requests from one address raise an error that becomes a page (see `common.api.problems`)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return public_page(request, "ask", "Request access", form=AskForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        address = getattr(request, "client_address", None)
        count_access_request(address)
        form = AskForm(request.POST)
        if not form.is_valid():
            return public_page(request, "ask", "Request access", form=form)
        given = form.cleaned_data
        asker = Asker(given["name"], given["email"], given["reason"], address)
        ask_with_password(asker, given["password"], at=timezone.now())
        return redirect("admin:access_requested")


class AccessRequestedView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return public_page(request, "asked", "Your request was received")


def public_page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "is_nav_sidebar_enabled": False, "title": title, **context}
    return TemplateResponse(request, f"panel/people/access_requests/{template}.html", context)
