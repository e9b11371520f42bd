"""`/api/admin/users`: the people who have access."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.api.actor import ActorMixin
from accounts.errors import AdminNotFound
from accounts.models import Admin, AdminQuerySet, GoogleAccount
from accounts.roles import Role
from common.api.fields import IdField, InstantField, StrictBooleanField, TextField
from common.api.paging import NumberedPages
from common.api.query import PageQuery, QueryBooleanField
from common.api.views import ViewSet
from common.values import clean_id

TAGS = ["people"]
UNKNOWN = "There is no such admin."
ID = OpenApiParameter("id", {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)


class UserSerializer(serializers.ModelSerializer[Admin]):
    id = IdField(source="public_id")
    last_login = InstantField(allow_null=True)
    created_at = InstantField()
    has_second_factor = serializers.BooleanField(source="second_factor")
    has_google_account = serializers.BooleanField(source="is_linked")

    class Meta:
        model = Admin
        fields = [
            "id",
            "username",
            "email",
            "role",
            "is_active",
            "last_login",
            "created_at",
            "has_second_factor",
            "has_google_account",
        ]
        read_only_fields = fields


class UserListQuery(PageQuery):
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = QueryBooleanField(required=False)
    search = TextField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="In the user name and the e-mail address, in any case.",
    )


class UserChangeSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = StrictBooleanField(required=False)


class UserViewSet(ActorMixin, ViewSet):
    """Admins. They are added in the panel, or by approving a request for access, and never deleted."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = Admin.objects.none()
    serializer_class = UserSerializer
    pagination_class = NumberedPages
    required_permissions = dict.fromkeys(("list", "retrieve", "partial_update"), "accounts.change_admin")
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "partial_update": (400, 401, 403, 404, 409),
    }
    queries = {"list": UserListQuery}

    person_required = ("partial_update",)

    @extend_schema(operation_id="list_users", summary="List admins", tags=TAGS, parameters=[UserListQuery])
    def list(self, request: Request) -> Response:
        """By user name."""
        services.give_missing_ids()
        query = self.read_query()
        users = annotated_users().filter(**{name: query[name] for name in ("role", "is_active") if name in query})
        if search := query.get("search"):
            users = users.filter(Q(username__icontains=search) | Q(email__icontains=search))
        users = users.order_by("username", "pk")
        page = users[self.paginator.rows(request)]
        return self.paginator.response(request, UserSerializer(page, many=True).data, total=users.count())

    @extend_schema(operation_id="get_user", summary="Read an admin", tags=TAGS, parameters=[ID])
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        return answer(read_user_id(id))

    @extend_schema(
        operation_id="update_user",
        summary="Change an admin's role, disable or enable them",
        tags=TAGS,
        parameters=[ID],
        request=UserChangeSerializer,
        responses=UserSerializer,
        examples=[OpenApiExample("another role", {"role": "support"}, request_only=True)],
    )
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002
        """What is left out stays. A disabled admin is signed out everywhere.

        The last sysadmin who can sign in stays: 409 `last_sysadmin`. Neither a role above your own can be granted nor an
        admin changed who has one: 403 `role_above_own`.
        """
        changes = self.read_body(UserChangeSerializer, partial=True)
        user_id = read_user_id(id)
        pk = Admin.objects.values_list("pk", flat=True).filter(public_id=user_id).first()
        if pk is None:
            raise AdminNotFound(UNKNOWN)
        services.change_admin(pk, changes, by=self.actor(), at=timezone.now())
        return answer(user_id)


def annotated_users() -> AdminQuerySet:
    is_linked = Exists(GoogleAccount.objects.filter(admin=OuterRef("pk")))
    users: AdminQuerySet = Admin.objects.get_queryset().with_second_factor().annotate(is_linked=is_linked)
    return users


def answer(user_id: uuid.UUID) -> Response:
    found = annotated_users().filter(public_id=user_id).first()
    if found is None:
        raise AdminNotFound(UNKNOWN)
    return Response(UserSerializer(found).data)


def read_user_id(value: str) -> uuid.UUID:
    """Raises AdminNotFound for what is no id."""
    try:
        found: uuid.UUID = clean_id(value)
    except ValidationError as error:
        raise AdminNotFound(UNKNOWN) from error
    return found
