"""Google's page for signing in, and the code with which it sends the browser back (OAuth 2.0 with PKCE, RFC 7636)."""

import base64
import hashlib
import logging
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from django.conf import settings

from accounts.errors import GoogleSignInOff, GoogleUnavailable, InvalidCredentials
from accounts.google.answers import ask_google

log = logging.getLogger("portcullis.accounts")


@dataclass(frozen=True)
class Secrets:
    """Of one sign-in, made anew for each. `state` and `nonce` go through the browser, `verifier` only to Google's server."""

    state: str
    nonce: str
    verifier: str


def is_panel_sign_in_on() -> bool:
    return bool(settings.GOOGLE_CLIENT_IDS and settings.GOOGLE_CLIENT_SECRET)


def refuse_if_panel_is_off() -> None:
    """Raises GoogleSignInOff."""
    if not is_panel_sign_in_on():
        raise GoogleSignInOff


def new_secrets() -> Secrets:
    return Secrets(*(secrets.token_urlsafe(32) for _ in range(3)))


def authorization_url(made: Secrets, *, redirect_uri: str, max_age: int | None = None) -> str:
    """The page of Google where the person chooses an account.

    With `max_age` Google is asked to demand the password if it was given longer ago, in seconds, and to say when it was given
    (OpenID Connect Core, section 3.1.2.1). It may ignore that.
    """
    challenge = base64.urlsafe_b64encode(hashlib.sha256(made.verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": settings.GOOGLE_CLIENT_IDS[0],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid email profile",
        "state": made.state,
        "nonce": made.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        # Otherwise a browser with one Google account is signed in without a question.
        "prompt": "select_account",
    }
    if max_age is not None:
        query["max_age"] = str(max_age)
    if settings.GOOGLE_HOSTED_DOMAIN:
        query["hd"] = settings.GOOGLE_HOSTED_DOMAIN
    return f"{settings.GOOGLE_AUTH_URL}?{urlencode(query)}"


def exchange_code(code: str, made: Secrets, *, redirect_uri: str) -> str:
    """The ID token for a code. Raises InvalidCredentials if Google refuses the code, and GoogleUnavailable."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": settings.GOOGLE_CLIENT_IDS[0],
        "client_secret": settings.GOOGLE_CLIENT_SECRET,
        "redirect_uri": redirect_uri,
        "code_verifier": made.verifier,
    }
    answer = ask_google("POST", settings.GOOGLE_TOKEN_URL, form=form)
    id_token = answer.content.get("id_token")
    if answer.status == HTTPStatus.OK and isinstance(id_token, str):
        return id_token
    error = str(answer.content.get("error", ""))[:100]
    if error == "invalid_grant":
        raise InvalidCredentials
    # Such as a wrong GOOGLE_CLIENT_SECRET: for the operator to repair.
    log.error("Google did not exchange a code: status %s, error %r", answer.status, error)
    raise GoogleUnavailable
