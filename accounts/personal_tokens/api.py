"""`/api/tokens`: one's own personal access tokens. Each method reads the request, calls one service and prints the answer."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.actor import ActorMixin
from accounts.errors import PersonalTokenNotFound
from accounts.models import PersonalToken
from accounts.personal_tokens import services
from accounts.roles import EVERY_PERMISSION
from common.api.fields import IdField, InstantField, TextField
from common.api.paging import NumberedPages
from common.api.query import PageQuery
from common.api.views import ViewSet
from common.values import clean_id

TAGS = ["tokens"]
ID = OpenApiParameter("id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
EXAMPLE = {
    "id": "5d1c0f6e-7a43-4a0b-8f0e-3f5a2c9d1b44",
    "name": "nightly report",
    "hint": "…x7Qa",
    "permissions": ["sites.view_site"],
    "created_at": "2026-06-01T12:00:00Z",
    "expires_at": "2027-06-01T00:00:00Z",
    "last_used_at": None,
    "last_used_from": None,
}
SECRET = "pct_" + "0" * 48 + "Q"
NEW = {name: EXAMPLE[name] for name in ("name", "permissions", "expires_at")}


class NewTokenSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=services.MAX_NAME_LENGTH, help_text="What the script is, for people.")
    permissions = serializers.ListField(
        child=TextField(max_length=100),
        min_length=1,
        max_length=len(EVERY_PERMISSION),
        help_text="Some of your own, as `GET /api/auth/me` names them.",
    )
    expires_at = InstantField(required=False, allow_null=True, help_text="Never, if it is left out.")


class TokenSerializer(serializers.ModelSerializer[PersonalToken]):
    id = IdField()
    hint = serializers.CharField(help_text="The end of the token.")
    permissions = serializers.ListField(
        child=serializers.CharField(),
        help_text="What it was made for. At any moment it may do the part of it that you may do yourself.",
    )
    created_at = InstantField()
    expires_at = InstantField(allow_null=True)
    last_used_at = InstantField(allow_null=True, help_text="At most one minute behind.")
    last_used_from = serializers.IPAddressField(allow_null=True)

    class Meta:
        model = PersonalToken
        fields = list(EXAMPLE)
        read_only_fields = fields


class CreatedTokenSerializer(TokenSerializer):
    token = serializers.CharField(
        allow_null=True, help_text="Shown here once and never again; null when a retry repeats the answer."
    )

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class PersonalTokenViewSet(ActorMixin, ViewSet):
    """Tokens with which scripts call the API in one's own name.

    `idempotency.personal_tokens` adds `create`, which repeats its answer to an Idempotency-Key.
    """

    queryset = PersonalToken.objects.none()
    serializer_class = TokenSerializer
    pagination_class = NumberedPages
    required_permissions = {"list": None, "create": None, "destroy": None}
    person_required = ("create", "destroy")
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "create": (400, 401, 403, 409),
        "destroy": (400, 401, 403, 404),
    }
    queries = {"list": PageQuery}

    @extend_schema(operation_id="list_tokens", summary="List your tokens", tags=TAGS, parameters=[PageQuery])
    def list(self, request: Request) -> Response:
        """The newest first, without those that were revoked; never the tokens themselves."""
        tokens = PersonalToken.objects.filter(admin=request.user.pk, revoked_at=None).newest_first()
        page = tokens[self.paginator.rows(request)]
        return self.paginator.response(request, TokenSerializer(page, many=True).data, total=tokens.count())

    @extend_schema(
        operation_id="revoke_token", summary="Revoke a token", tags=TAGS, parameters=[ID], responses={204: None}
    )
    def destroy(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        """It is refused from its next request on."""
        try:
            token_id = clean_id(id)
        except ValidationError as error:
            raise PersonalTokenNotFound from error
        services.revoke_personal_token(token_id, owner_id=request.user.pk, by=self.actor(), at=timezone.now())
        return Response(status=204)
