"""One's own notices of incidents by e-mail: a choice on the page of the account."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.generic import View

from accounts.models import Admin
from alerts.channels.own_notices import own_notices
from alerts.own_settings import EmailNotices, change_own_settings
from common.errors import DomainError
from panel.account.pages import current_admin


class NoticesForm(forms.Form):
    min_severity = forms.ChoiceField(choices=EmailNotices.choices, label="Mail me")


def notices_of(owner: Admin) -> dict[str, Any]:
    """The context of `panel/account/notices.html`."""
    return {
        "notices_form": NoticesForm(initial={"min_severity": own_notices(owner) or EmailNotices.OFF}),
        "sends_mail": bool(settings.EMAIL_HOST),
    }


class OwnNoticesView(View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NoticesForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Choose which incidents are mailed to you.")
            return redirect("admin:account")
        chosen = form.cleaned_data["min_severity"]
        try:
            change_own_settings(current_admin(request), {"email_notices": chosen}, at=timezone.now())
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(
                request, "You get no notices." if chosen == EmailNotices.OFF else "You get notices by e-mail."
            )
        return redirect("admin:account")
