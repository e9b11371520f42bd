"""Admins without a password: they confirm that it is still them by signing in to Google again.

It takes the place of the password wherever a page of the panel asks for one. The second factor is asked for as usual.
"""

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

# The time of the last sign-in with Google in this session, in seconds since 1970.
GOOGLE_AT = "google_at"
ASKED = "You have no password. Sign in with Google again, and then send this form again."


def record_google_sign_in(request: HttpRequest) -> None:
    request.session[GOOGLE_AT] = timezone.now().timestamp()


def is_google_sign_in_recent(request: HttpRequest) -> bool:
    """Whether the admin signed in to Google in this session within CONFIRMED_FOR."""
    at = request.session.get(GOOGLE_AT)
    return at is not None and timezone.now().timestamp() - at < settings.CONFIRMED_FOR.total_seconds()
