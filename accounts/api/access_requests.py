"""`/api/auth/request-access`, which is open to everyone, and `/api/admin/access-requests`, where sysadmins decide."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.fields import get_error_detail
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access_requests.asking import (
    Asker,
    ask_with_google,
    ask_with_password,
    check_new_password,
)
from accounts.access_requests.deciding import approve_request, reject_request
from accounts.access_requests.limits import count_access_request
from accounts.api.actor import ActorMixin
from accounts.api.views import PublicView
from accounts.client_info import client_info
from accounts.errors import AccessRequestNotFound
from accounts.google.identity import read_id_token
from accounts.models import AccessRequest
from accounts.roles import Role
from accounts.usernames import MAX_USERNAME_LENGTH, username_of_email
from common.api.fields import IdField, InstantField, StrictEmailField, TextField
from common.api.paging import NumberedPages
from common.api.query import PageQuery
from common.api.views import ViewSet
from common.values import clean_id

TAGS = ["people"]
MAX_REASON_LENGTH = 500
RECEIVED = "Your request was received. If you do not have access yet, a sysadmin decides on it."


class RequestWithPasswordSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=150)
    email = StrictEmailField(max_length=MAX_USERNAME_LENGTH, help_text="Becomes your user name.")
    password = TextField(max_length=4096, trim_whitespace=False, multiline=True, write_only=True)
    reason = TextField(max_length=MAX_REASON_LENGTH, required=False, allow_blank=True, multiline=True)

    def validate_email(self, value: str) -> str:
        return username_of_email(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            check_new_password(attrs["password"], email=attrs["email"])
        except DjangoValidationError as error:
            raise serializers.ValidationError({"password": get_error_detail(error)}) from error
        return attrs


class RequestWithGoogleSerializer(serializers.Serializer[Any]):
    id_token = TextField(max_length=8192, help_text="Of your Google account, whose address becomes your user name.")
    reason = TextField(max_length=MAX_REASON_LENGTH, required=False, allow_blank=True, multiline=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        others = sorted({"name", "email", "password"} & set(self.initial_data))
        if others:
            raise serializers.ValidationError({name: ["Not together with id_token."] for name in others})
        return attrs


REQUEST_ACCESS = PolymorphicProxySerializer(
    component_name="RequestAccess",
    serializers=[RequestWithGoogleSerializer, RequestWithPasswordSerializer],
    resource_type_field_name=None,
)


class ReceivedSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


class AccessRequestSerializer(serializers.ModelSerializer[AccessRequest]):
    id = IdField()
    email_verified = serializers.BooleanField(
        source="is_email_verified", help_text="Whether Google has verified the address; false for one that was typed."
    )
    claims = serializers.IntegerField(
        help_text="How many waiting requests claim the address. If there are several, ask the owner which is theirs."
    )
    created_at = InstantField()
    decided_at = InstantField(allow_null=True)
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)
    role = serializers.ChoiceField(choices=Role.choices, allow_null=True)

    class Meta:
        model = AccessRequest
        fields = [
            "id",
            "name",
            "email",
            "reason",
            "state",
            "created_at",
            "email_verified",
            "claims",
            "address",
            "decided_at",
            "decided_by",
            "role",
            "note",
        ]
        read_only_fields = fields

    def to_representation(self, instance: AccessRequest) -> dict[str, Any]:
        body = dict(super().to_representation(instance))
        return body | {"role": instance.role or None}


class AccessRequestQuery(PageQuery):
    state = serializers.ChoiceField(choices=AccessRequest.State.choices, required=False)


class ApproveSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class RejectSerializer(serializers.Serializer[Any]):
    note = TextField(
        max_length=500, required=False, allow_blank=True, multiline=True, help_text="In the mail to the person."
    )


ASKED = OpenApiExample(
    "request",
    {"name": "Nora Conti", "email": "nora@vendor.example", "password": "kept in my own head 12", "reason": "Support"},
    request_only=True,
)


class RequestAccessView(PublicView):
    problem_statuses = (400, 401, 404, 429)

    @extend_schema(
        operation_id="request_access",
        summary="Ask for access",
        tags=["auth"],
        request=REQUEST_ACCESS,
        responses={202: ReceivedSerializer},
        examples=[ASKED],
    )
    def post(self, request: Request) -> Response:
        """Ask to become an admin, with a Google account or with a password of your own.

        The answer is the same for everyone: for an admin, one who waits, one who was rejected.
        A sysadmin approves or rejects the request. Asking again with the same address and password changes nothing
        of the request that waits; after a rejection it has an effect again after a day. One address may send 20 requests an
        hour (by default), then the answer is 429.
        """
        address, now = client_info(request).address, timezone.now()
        count_access_request(address)
        if "id_token" in request.data:
            google = RequestWithGoogleSerializer(data=request.data)
            google.is_valid(raise_exception=True)
            identity = read_id_token(google.validated_data["id_token"], at=now)
            ask_with_google(identity, reason=google.validated_data.get("reason", ""), address=address, at=now)
        else:
            body = RequestWithPasswordSerializer(data=request.data)
            body.is_valid(raise_exception=True)
            given = body.validated_data
            asker = Asker(given["name"], given["email"], given.get("reason", ""), address)
            ask_with_password(asker, given["password"], at=now)
        return Response({"detail": RECEIVED}, status=202)


class RegisterView(RequestAccessView):
    @extend_schema(
        operation_id="register",
        summary="Ask for access (another name)",
        tags=["auth"],
        request=REQUEST_ACCESS,
        responses={202: ReceivedSerializer},
        examples=[ASKED],
    )
    def post(self, request: Request) -> Response:
        """The same as `/api/auth/request-access`."""
        return super().post(request)


class AccessRequestViewSet(ActorMixin, ViewSet):
    """What people ask for, and the decisions."""

    lookup_field = "id"
    lookup_value_regex = "[^/]+"
    queryset = AccessRequest.objects.none()
    serializer_class = AccessRequestSerializer
    pagination_class = NumberedPages
    required_permissions = {
        "list": "accounts.view_accessrequest",
        "retrieve": "accounts.view_accessrequest",
        "approve": "accounts.decide_accessrequest",
        "reject": "accounts.decide_accessrequest",
    }
    problems_by_action = {
        "list": (400, 401, 403, 404),
        "retrieve": (400, 401, 403, 404),
        "approve": (400, 401, 403, 404, 409),
        "reject": (400, 401, 403, 404, 409),
    }
    queries = {"list": AccessRequestQuery}

    person_required = ("approve", "reject")

    @extend_schema(
        operation_id="list_access_requests",
        summary="List requests for access",
        tags=TAGS,
        parameters=[AccessRequestQuery],
    )
    def list(self, request: Request) -> Response:
        """Newest first."""
        query = self.read_query()
        requests = AccessRequest.objects.newest_first().with_claims().select_related("decided_by")
        if "state" in query:
            requests = requests.filter(state=query["state"])
        page = list(requests[self.paginator.rows(request)])
        return self.paginator.response(request, AccessRequestSerializer(page, many=True).data, total=requests.count())

    @extend_schema(operation_id="get_access_request", summary="Read a request for access", tags=TAGS)
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 - as in the path
        return self.answer(read_request_id(id))

    @extend_schema(
        operation_id="approve_access_request",
        summary="Approve a request for access",
        tags=TAGS,
        request=ApproveSerializer,
        responses=AccessRequestSerializer,
        examples=[OpenApiExample("a role", {"role": "viewer"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, id: str) -> Response:  # noqa: A002
        """The person becomes an admin with that role, and the e-mail address becomes the user name.

        The same decision again changes nothing. It is 409 `already_decided` if the request was rejected or approved with
        another role, and 409 `username_taken` if there is an admin of that name, who stays as they are. A role above your
        own is 403 `role_above_own`.
        """
        role = self.read_body(ApproveSerializer)["role"]
        request_id = read_request_id(id)
        approve_request(request_id, role=role, by=self.actor(), at=timezone.now())
        return self.answer(request_id)

    @extend_schema(
        operation_id="reject_access_request",
        summary="Reject a request for access",
        tags=TAGS,
        request=RejectSerializer,
        responses=AccessRequestSerializer,
        examples=[OpenApiExample("a note", {"note": "Please ask your team lead."}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, id: str) -> Response:  # noqa: A002
        """The person is told by mail, if mail is set up, and may ask again after a day. 409 `already_decided` if approved."""
        note = self.read_body(RejectSerializer).get("note", "")
        request_id = read_request_id(id)
        reject_request(request_id, note=note, by=self.actor(), at=timezone.now())
        return self.answer(request_id)

    def answer(self, request_id: uuid.UUID) -> Response:
        found = AccessRequest.objects.with_claims().select_related("decided_by").filter(pk=request_id).first()
        if found is None:
            raise AccessRequestNotFound
        return Response(AccessRequestSerializer(found).data)


def read_request_id(value: str) -> uuid.UUID:
    """Raises AccessRequestNotFound for what is no id."""
    try:
        found: uuid.UUID = clean_id(value)
    except DjangoValidationError as error:
        raise AccessRequestNotFound from error
    return found
