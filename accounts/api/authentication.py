from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed

from accounts.models import Admin
from accounts.services import was_ended_by_owner
from accounts.tokens import FAMILY_CLAIM, GENERATION_CLAIM


class AccessTokenAuthentication(JWTAuthentication):
    """`Authorization: Bearer …` with an access token.

    Refused when its admin is disabled, was disabled since, changed the password since, or ended this sign-in in the panel.
    """

    def get_header(self, request):
        """The scheme's name is case-insensitive (RFC 9110, section 11.1)."""
        header = super().get_header(request)
        scheme, _, rest = (header or b"").partition(b" ")
        return b"Bearer " + rest if scheme.lower() == b"bearer" else header

    def get_user(self, validated_token):
        admin = super().get_user(validated_token)
        assert isinstance(admin, Admin)
        if validated_token.get(GENERATION_CLAIM) != admin.token_generation:
            raise AuthenticationFailed("This token was revoked.", code="token_revoked")
        if FAMILY_CLAIM in validated_token and was_ended_by_owner(validated_token[FAMILY_CLAIM]):
            raise AuthenticationFailed("This sign-in was ended.", code="token_revoked")
        return admin


class AccessTokenScheme(SimpleJWTScheme):
    """The name of the scheme in the API's description."""

    target_class = "accounts.api.authentication.AccessTokenAuthentication"
    name = "accessToken"
