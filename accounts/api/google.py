"""`/api/auth/google`: sign in with a Google account."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api.serializers import GoogleSignInSerializer, TokenPairSerializer
from accounts.api.views import PAIR, PublicView, pair_response
from accounts.client_info import client_info
from accounts.google.identity import refuse_if_off
from accounts.google.sign_in import sign_in_with_google
from accounts.required_steps import required_step

ID_TOKEN = OpenApiExample("ID token", {"id_token": "eyJhbGciOiJSUzI1NiIs…"}, request_only=True)


class GoogleSignInView(PublicView):
    problem_statuses = (400, 401, 403, 404, 429)

    @extend_schema(
        operation_id="login_with_google",
        summary="Sign in with Google",
        tags=["auth"],
        request=GoogleSignInSerializer,
        responses=TokenPairSerializer,
        examples=[ID_TOKEN, PAIR],
    )
    def post(self, request: Request) -> Response:
        """Trade a Google ID token, and a code where there is a second factor, for an access and a refresh token.

        The admin is the one who has linked that Google account in the control panel, or whose request for access with it
        was approved. An e-mail address alone links nothing. An invalid or expired token, a token for another client,
        a disabled admin, and a missing, wrong or used `otp` all get the same 401. After a wrong
        `otp` it can be sent again.

        The answer is 403 with `access_pending` while a request for access with that Google account waits, and with
        `access_unknown` if the account is not known here; otherwise 403 and 429 are those of the sign-in with a password.
        404 if the server does not offer the sign-in with Google; 503 with `google_unavailable` while Google's certificates
        cannot be had.
        """
        refuse_if_off()
        body = GoogleSignInSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        client, now, given = client_info(request), timezone.now(), body.validated_data
        admin = sign_in_with_google(given["id_token"], otp=given.get("otp"), address=client.address, at=now)
        if step := required_step(admin, at=now):
            raise step
        return pair_response(services.start_token_family(admin, at=now, client=client))
