"""Who a Google ID token says that somebody is, once everything about it was checked."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.crypto import constant_time_compare
from jwt.types import Options

from accounts.errors import GoogleSignInOff, InvalidCredentials
from accounts.google.certificates import certificates

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
ALGORITHM = "RS256"
# By `check_claims` and `identity_of`, at the time of the caller and more strictly.
CHECKED_BELOW: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
MAX_TOKEN_LENGTH = 8_192
MAX_SUBJECT_LENGTH = 255
MAX_NAME_LENGTH = 150
MAX_EMAIL_LENGTH = 254
# In seconds: how far Google's clock may be ahead of ours.
CLOCK_DIFFERENCE = 30

log = logging.getLogger("portcullis.accounts")


@dataclass(frozen=True)
class GoogleIdentity:
    """A Google account. `subject` identifies it; `email` is verified, but may belong to another account later.

    `name` is what the person calls themselves, or empty. `authenticated_at`, in seconds since 1970, is when they last gave
    Google their password or the like; None if Google does not say.
    """

    subject: str
    email: str
    name: str
    authenticated_at: int | None = None


class Refused(Exception):
    """Says for the log what is wrong with a token."""


def refuse_if_off() -> None:
    """Raises GoogleSignInOff."""
    if not settings.GOOGLE_CLIENT_IDS:
        raise GoogleSignInOff


def read_id_token(id_token: str, *, at: datetime, nonce: str | None = None) -> GoogleIdentity:
    """Check an ID token, for the panel with the nonce of its request.

    Raises InvalidCredentials for anything that is wrong with it, GoogleUnavailable if there is no certificate to check it with,
    and GoogleSignInOff.
    """
    refuse_if_off()
    try:
        claims = signed_claims(id_token)
        check_claims(claims, at=at, nonce=nonce)
        return identity_of(claims)
    except Refused as refused:
        log.info("refused a Google ID token: %s", refused)
        raise InvalidCredentials from refused


def signed_claims(id_token: str) -> dict[str, Any]:
    """The claims, if one of Google's keys has signed them. Raises Refused, and as `Certificates.find` does."""
    if len(id_token) > MAX_TOKEN_LENGTH or not id_token.isascii():
        raise Refused("it is no token")
    try:
        header = jwt.get_unverified_header(id_token)
        key_id = header.get("kid")
        # The algorithm is ours to choose: a token that names another one is not looked at.
        if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
            raise Refused("its header names another algorithm, or no key")
        claims: dict[str, Any] = jwt.decode(
            id_token,
            certificates.find(key_id),
            algorithms=[ALGORITHM],
            options=CHECKED_BELOW,
        )
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Refused(f"{type(error).__name__}") from error
    return claims


def check_claims(claims: Mapping[str, Any], *, at: datetime, nonce: str | None) -> None:
    """Raises Refused."""
    now = at.timestamp()
    if claims.get("iss") not in ISSUERS:
        raise Refused("another issuer")
    if claims.get("aud") not in settings.GOOGLE_CLIENT_IDS:
        raise Refused("another audience")
    issued, begins, expires = claims.get("iat"), claims.get("nbf", 0), claims.get("exp")
    if not (type(issued) is type(begins) is type(expires) is int):
        raise Refused("no times")
    if expires <= now:
        raise Refused("it has expired")
    if max(issued, begins) > now + CLOCK_DIFFERENCE:
        raise Refused("it is from the future")
    if claims.get("email_verified") is not True:
        raise Refused("its e-mail address is not verified")
    if settings.GOOGLE_HOSTED_DOMAIN and claims.get("hd") != settings.GOOGLE_HOSTED_DOMAIN:
        raise Refused("it is of another domain")
    if nonce is not None and not constant_time_compare(str(claims.get("nonce", "")), nonce):
        raise Refused("another nonce")


def identity_of(claims: Mapping[str, Any]) -> GoogleIdentity:
    """Raises Refused."""
    subject, email, name = claims.get("sub"), claims.get("email"), claims.get("name", "")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_LENGTH or not subject.isprintable():
        raise Refused("no subject")
    if not isinstance(email, str) or len(email) > MAX_EMAIL_LENGTH:
        raise Refused("no e-mail address")
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused("no e-mail address") from error
    readable = "".join(letter for letter in name if letter.isprintable()) if isinstance(name, str) else ""
    authenticated_at = claims.get("auth_time")
    if authenticated_at is not None and type(authenticated_at) is not int:
        raise Refused("no time of the sign-in to Google")
    return GoogleIdentity(subject, email, readable.strip()[:MAX_NAME_LENGTH], authenticated_at)
