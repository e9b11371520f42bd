from typing import Any

from django.utils import timezone
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed

from accounts.api.permissions import needs_person
from accounts.errors import InvalidPersonalToken
from accounts.models import Admin
from accounts.personal_tokens.keys import PREFIX
from accounts.personal_tokens.use import admin_of_personal_token, record_use
from accounts.services import admin_of_access_token


class AccessTokenAuthentication(JWTAuthentication):
    """`Authorization: Bearer …` with an access token.

    Refused when its admin is disabled, was disabled since or changed the password since, and when its sign-in has ended.
    """

    def get_header(self, request):
        """The scheme's name is case-insensitive (RFC 9110, section 11.1)."""
        header = super().get_header(request)
        scheme, _, rest = (header or b"").partition(b" ")
        return b"Bearer " + rest if scheme.lower() == b"bearer" else header

    def get_user(self, validated_token):
        """In place of simplejwt's lookup of the admin alone."""
        admin = admin_of_access_token(validated_token, at=timezone.now())
        if admin is None:
            raise AuthenticationFailed("This token was revoked or its sign-in has ended.", code="token_revoked")
        return admin


class AccessTokenScheme(SimpleJWTScheme):
    """The name of the scheme in the API's description."""

    target_class = "accounts.api.authentication.AccessTokenAuthentication"
    name = "accessToken"


class PersonalTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer pct_…`. Anything else is left to AccessTokenAuthentication, which must come after it."""

    def authenticate(self, request: Request) -> tuple[Admin, None] | None:
        match get_authorization_header(request).split():
            case [scheme, sent] if scheme.lower() == b"bearer" and sent.startswith(PREFIX.encode()):
                pass
            case _:
                return None
        now = timezone.now()
        admin = admin_of_personal_token(sent.decode("latin-1"), at=now)
        assert admin.token is not None
        record_use(admin.token, address=getattr(request._request, "client_address", None), at=now)
        return admin, None

    def authenticate_header(self, request: Request) -> str:
        return InvalidPersonalToken.challenge


class PersonalTokenScheme(OpenApiAuthenticationExtension):
    """Not described where a person is required."""

    target_class = "accounts.api.authentication.PersonalTokenAuthentication"
    name = "personalToken"

    def get_security_requirement(self, auto_schema: Any) -> Any:
        view = auto_schema.view
        asked = getattr(view, "action", None) or str(auto_schema.method).lower()
        return None if needs_person(view, asked) else {self.name: []}

    def get_security_definition(self, auto_schema: Any) -> Any:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pct_…",
            "description": "A personal access token, for scripts: see `POST /api/tokens`.",
        }
