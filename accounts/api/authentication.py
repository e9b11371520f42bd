from django.utils import timezone
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed

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
