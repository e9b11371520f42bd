"""`/api/auth`: sign in, renew, sign out, who am I."""

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api.serializers import CredentialsSerializer, MeSerializer, RefreshSerializer, TokenPairSerializer
from accounts.client_info import client_info
from accounts.errors import InvalidCredentials
from accounts.models import Admin, SignInAttempt
from accounts.required_steps import required_step
from common.api.views import APIView

CREDENTIALS = OpenApiExample(
    "credentials", {"username": "anna", "password": "correct horse battery staple"}, request_only=True
)
PAIR = OpenApiExample(
    "tokens",
    {"access": "eyJhbGciOi…", "refresh": "eyJhbGciOi…", "token_type": "Bearer", "expires_in": 600},
    response_only=True,
)
REFRESH = OpenApiExample("refresh token", {"refresh": "eyJhbGciOi…"}, request_only=True)


def pair_response(pair: services.TokenPair) -> Response:
    return Response(
        {
            "access": pair.access,
            "refresh": pair.refresh,
            "token_type": "Bearer",
            "expires_in": int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        }
    )


class PublicView(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]


class LoginView(PublicView):
    problem_statuses = (400, 401, 403, 429)

    @extend_schema(
        operation_id="login",
        summary="Sign in",
        tags=["auth"],
        request=CredentialsSerializer,
        responses=TokenPairSerializer,
        examples=[CREDENTIALS, PAIR],
    )
    def post(self, request: Request) -> Response:
        """Trade a user name and a password, and a code where there is a second factor, for an access and a refresh token.

        An unknown user, a wrong password, a disabled admin, and a missing, wrong or used `otp` all get the same 401.
        After too many failures from one address the answer is 429 with `Retry-After`, there and only there. Wrong codes
        after the right password are limited for the admin as well, whatever the address.

        When all that is right, the answer is still 403 to an admin who must do something in the control panel first:
        `password_change_required` when somebody else set the password or seems to know it, `two_factor_required` when the
        role needs a second factor and there is none, `enrolment_expired` when a sysadmin has to renew the time for setting
        one up.
        """
        body = CredentialsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        admin = authenticate(
            request,
            username=body.validated_data["username"],
            password=body.validated_data["password"],
            otp=body.validated_data.get("otp"),
        )
        if not isinstance(admin, Admin):
            raise InvalidCredentials
        client, now, name = client_info(request), timezone.now(), body.validated_data["username"]
        services.finish_sign_in(admin, username=name, source=SignInAttempt.Source.API, address=client.address, at=now)
        if step := required_step(admin, at=now):
            raise step
        return pair_response(services.start_token_family(admin, at=now, client=client))


class RefreshView(PublicView):
    problem_statuses = (400, 401)

    @extend_schema(
        operation_id="refresh",
        summary="Renew the tokens",
        tags=["auth"],
        request=RefreshSerializer,
        responses=TokenPairSerializer,
        examples=[REFRESH, PAIR],
    )
    def post(self, request: Request) -> Response:
        """Trade a refresh token for a new pair.

        The old one no longer works. Using it again ends all tokens that came from the same login. A login ends after
        30 days (by default), however often its tokens are renewed.
        """
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return pair_response(
            services.renew_tokens(body.validated_data["refresh"], at=timezone.now(), client=client_info(request))
        )


class LogoutView(PublicView):
    problem_statuses = (400, 401)

    @extend_schema(
        operation_id="logout",
        summary="Sign out",
        tags=["auth"],
        request=RefreshSerializer,
        responses={204: None},
        examples=[REFRESH],
    )
    def post(self, request: Request) -> Response:
        """End all tokens that came from the same login, access tokens included."""
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        services.sign_out(body.validated_data["refresh"], at=timezone.now())
        return Response(status=204)


class MeView(APIView):
    required_permissions = {"get": None}
    problem_statuses = (400, 401)

    @extend_schema(operation_id="me", summary="Who am I", tags=["auth"], responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """The signed-in admin, the role and what it may do."""
        return Response(MeSerializer(request.user).data)
