"""`POST /api/tokens`: make a personal access token, once for each Idempotency-Key.

`accounts` has the other endpoints of tokens. It is below this room and cannot use it.
"""

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.personal_tokens.api import (
    EXAMPLE,
    NEW,
    SECRET,
    TAGS,
    CreatedTokenSerializer,
    NewTokenSerializer,
    PersonalTokenViewSet,
    TokenSerializer,
)
from accounts.personal_tokens.services import create_personal_token
from idempotency.api import IDEMPOTENCY_KEY, REPLAYED, IdempotencyMixin
from idempotency.services import StoredAnswer


class RepeatableTokenViewSet(IdempotencyMixin, PersonalTokenViewSet):
    @extend_schema(
        operation_id="create_token",
        summary="Make a token for a script",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY, REPLAYED],
        request=NewTokenSerializer,
        responses={201: CreatedTokenSerializer},
        examples=[
            OpenApiExample("a report", NEW, request_only=True),
            OpenApiExample("the new token", {**EXAMPLE, "token": SECRET}, response_only=True, status_codes=["201"]),
        ],
    )
    def create(self, request: Request) -> Response:
        """The answer has the `token`, once: send it as `Authorization: Bearer pct_…`.

        It is never worth more than you are at that moment: what you may no longer do, it may not do either. It ends when
        you are disabled, when somebody resets your password or your second factor, and when you unlink your Google account.
        A token cannot make or revoke tokens: that is 403 `person_required`.
        """
        facts = self.read_body(NewTokenSerializer)

        def create() -> StoredAnswer:
            new = create_personal_token(request.user.pk, **facts, by=self.actor(), at=timezone.now())
            body = {**TokenSerializer(new.token).data, "token": new.secret}
            return StoredAnswer(status=201, body=body, secret=("token",))

        return self.run_once(create)
