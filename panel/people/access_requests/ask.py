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

from accounts.access_requests.asking import Asker, ask_with_google, ask_with_password
from accounts.access_requests.limits import count_access_request
from panel.account.google.proven import proven_identity
from panel.people.access_requests.forms import AskForm, AskWithGoogleForm


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class RequestAccessView(View):
    """With the Google account as which this browser came back from Google, or with an address and a password.

    Too many requests from one address raise an error that becomes a page (see `common.api.problems`).
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        self.identity = None if request.GET.get("with") == "password" else proven_identity(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(AskWithGoogleForm() if self.identity else AskForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        address, now = getattr(request, "client_address", None), timezone.now()
        count_access_request(address)
        form = AskWithGoogleForm(request.POST) if self.identity else AskForm(request.POST)
        if not form.is_valid():
            return self.render(form)
        given = form.cleaned_data
        if self.identity:
            ask_with_google(self.identity, reason=given["reason"], address=address, at=now)
        else:
            asker = Asker(given["name"], given["email"], given["reason"], address)
            ask_with_password(asker, given["password"], at=now)
        return redirect("admin:access_requested")

    def render(self, form: AskWithGoogleForm) -> HttpResponse:
        return public_page(self.request, "ask", "Request access", form=form, identity=self.identity)


class AccessRequestedView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return public_page(request, "asked", "Your request was received")


def public_page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "is_nav_sidebar_enabled": False, "title": title, **context}
    return TemplateResponse(request, f"panel/people/access_requests/{template}.html", context)
