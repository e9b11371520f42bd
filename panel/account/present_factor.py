"""Asking a person for a second factor that they have: a code, or a security key."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Admin
from accounts.two_factor.security_keys import Options, host_for_keys, sign_in_options
from accounts.two_factor.verification import check_code, check_security_key

CHALLENGE = "security_key_challenge"
WRONG = "Wrong or already used code. An app shows a new code every 30 seconds."


def code_field(**options: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false", **options.pop("attrs", {})})
    return forms.CharField(required=False, max_length=40, widget=widget, **options)


def answer_field() -> forms.CharField:
    """What the browser answers for a security key; static/portcullis/webauthn.js fills it in."""
    return forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)


def key_options(request: HttpRequest, person: Admin) -> Options | None:
    """What the page asks a security key for; None if the person has no key for this host name."""
    host = host_for_keys(request.get_host())
    asked = sign_in_options(person, host) if host else None
    if asked is None:
        return None
    request.session[CHALLENGE] = asked[1]
    return asked[0]


def is_right_factor(
    request: HttpRequest, person: Admin, *, code: str, answer: str = "", with_google: bool = False
) -> bool:
    """Check and use up the factor. A challenge works once. Raises TooManyLoginAttempts."""
    address, now = getattr(request, "client_address", None), timezone.now()
    host, challenge = host_for_keys(request.get_host()), request.session.pop(CHALLENGE, None)
    if answer and challenge and host:
        facts = {"host": host, "state": challenge, "address": address, "at": now}
        return check_security_key(person, answer, with_google=with_google, **facts)
    return check_code(person, code, with_google=with_google, address=address, at=now)
