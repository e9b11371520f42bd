"""Signing in to Google once more, in place of a password that the admin does not have. See `recent`."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from accounts.google.identity import CLOCK_DIFFERENCE, GoogleIdentity
from accounts.models import Admin, GoogleAccount
from panel.account.google.journeys import AGAIN, Journey, send_to_google
from panel.account.google.recent import record_google_sign_in
from panel.account.pages import current_admin


class AgainView(View):
    http_method_names = ["get"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return send_to_google(request, AGAIN, next_url=reverse("admin:account"), admin_id=current_admin(request).pk)


def confirm(request: HttpRequest, identity: GoogleIdentity, journey: Journey) -> HttpResponse:
    account = GoogleAccount.objects.filter(admin=journey.admin_id, subject=identity.subject)
    if not isinstance(request.user, Admin) or request.user.pk != journey.admin_id or not account.exists():
        messages.error(request, "This is not the Google account that is linked to yours.")
    elif not is_fresh(identity):
        messages.error(request, "Google did not ask for your password again. Sign out of Google, and try again.")
    else:
        record_google_sign_in(request)
        messages.success(request, "Confirmed. Go back to the tab with your form, and send it.")
    return redirect(journey.next_url)


def is_fresh(identity: GoogleIdentity) -> bool:
    """Whether the person signed in to Google within CONFIRMED_FOR, as far as Google says when."""
    if identity.authenticated_at is None:
        return True
    oldest = (timezone.now() - settings.CONFIRMED_FOR).timestamp() - CLOCK_DIFFERENCE
    return identity.authenticated_at >= oldest
