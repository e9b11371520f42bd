"""What the pages of one's own account have in common."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.models import Admin

# Rows of a list on a page of one account. A script may sign in thousands of times; one button ends all of them.
MAX_SHOWN = 50


def current_admin(request: HttpRequest) -> Admin:
    """The admin who is signed in; `admin_view` lets only those in."""
    assert isinstance(request.user, Admin)
    return request.user


def render_page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"panel/account/{template}.html", context)
