"""The page that shows a new link for setting a password, once."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.services import NewPasswordLink


def password_link_page(request: HttpRequest, link: NewPasswordLink) -> HttpResponse:
    """The answer to the POST that made the link."""
    url = request.build_absolute_uri(reverse("admin:set_password", args=[link.token]))
    titles = {"title": f"Link for {link.admin}", "page_title": f"Link · {link.admin}"}
    context = {**admin.site.each_context(request), **titles, "link": link, "url": url}
    return TemplateResponse(request, "panel/people/password_link.html", context, headers={"Cache-Control": "no-store"})
