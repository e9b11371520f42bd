from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication


class AccessTokenAuthentication(JWTAuthentication):
    """`Authorization: Bearer …` with an access token of ours, of an admin who is active and has the same password still."""


class AccessTokenScheme(SimpleJWTScheme):
    """How the API's description names it."""

    target_class = "accounts.api.authentication.AccessTokenAuthentication"
    name = "accessToken"
