"""Confirming that it is still the same person, before access or data is given away.

Adding admins, changing their roles, passwords and factors, rotating keys, importing, telling incidents to a new address, and
operations on many sites need the password and the second factor, given in this session within CONFIRMED_FOR. The sign-in counts
as the first confirmation.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import View

from accounts.models import Admin
from accounts.roles import Role
from panel.account.pages import current_admin, render_page
from panel.account.present_factor import WRONG, is_right_factor, key_options
from panel.account.second_factors import ConfirmForm

# The time of the last confirmation in seconds since 1970; without it the sign-in counts.
CONFIRMED_AT = "confirmed_at"
PREFIX = "confirmation"
# More sites than this in one operation need a confirmation.
FEW_SITES = 10


def confirmed_until(request: HttpRequest) -> datetime | None:
    """When the present confirmation ends; None if there is none. This function decides everywhere."""
    confirmed_at = request.session.get(CONFIRMED_AT)
    if confirmed_at is not None:
        at = datetime.fromtimestamp(confirmed_at, UTC)
    else:
        row = request.session.row  # type: ignore[attr-defined]
        at = row.created_at if row is not None else datetime.fromtimestamp(0, UTC)
    until: datetime = at + settings.CONFIRMED_FOR
    return until if until > timezone.now() else None


def needs_confirmation(post: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorates the `post` of a view, which checks permissions before."""

    @wraps(post)
    def confirmed_post(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return confirmation_page(request) or post(self, request, *args, **kwargs)

    return confirmed_post


def confirmation_page(request: HttpRequest) -> HttpResponse | None:
    """The page that asks for a confirmation and keeps the form that was sent; None if there is a confirmation.

    The page sends the same form again, with the answers, to the same address. They are taken out of `request.POST`.
    """
    answers = take_answers(request)
    if confirmed_until(request):
        return None
    person = current_admin(request)
    form = ConfirmForm(request, answers, prefix=PREFIX)
    if answers and form.is_valid():
        if has_factor(request, person, form):
            request.session[CONFIRMED_AT] = timezone.now().timestamp()
            return None
        form.add_error(None, WRONG)
    response = render_page(
        request,
        "confirmation",
        "Confirm that it is you",
        form=form,
        action=request.get_full_path(),
        entries=[(name, value) for name, values in request.POST.lists() for value in values],
        key_options=key_options(request, person),
    )
    response["Cache-Control"] = "no-store"
    return response


def take_answers(request: HttpRequest) -> Any:
    """The entries of our form, if it was sent; the others stay in `request.POST`."""
    others, answers = request.POST.copy(), request.POST.copy()
    for name in list(others):
        is_answer = name.startswith(f"{PREFIX}-")
        del (others if is_answer or name == "csrfmiddlewaretoken" else answers)[name]
    request.POST = others  # type: ignore[assignment]
    return answers if any(name.startswith(f"{PREFIX}-") for name in answers) else None


def has_factor(request: HttpRequest, person: Admin, form: forms.Form) -> bool:
    """Raises TooManyLoginAttempts."""
    given = form.cleaned_data
    if "present_code" not in form.fields:
        return True
    return is_right_factor(request, person, code=given["present_code"], answer=given["answer"])


def shown_confirmation(request: HttpRequest) -> datetime | None:
    """For the header of every page. A viewer does nothing that needs a confirmation."""
    is_concerned = isinstance(request.user, Admin) and request.user.role != Role.VIEWER
    return confirmed_until(request) if is_concerned else None


class EndConfirmationView(View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        request.session[CONFIRMED_AT] = 0
        target = request.POST.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
        return redirect(target if is_ours else "admin:index")
