"""`/api/settings`: what the caller chose for their own work."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Admin, StartPage, Theme
from accounts.models.preferences import MAX_PAGE_SIZE, MIN_PAGE_SIZE
from alerts.own_settings import EmailNotices, OwnSettings, change_own_settings, own_settings, reset_own_settings
from common.api.fields import StrictIntegerField, ZoneField
from common.api.views import APIView

CHOSEN = {
    "timezone": "Europe/Rome",
    "theme": "dark",
    "page_size": 100,
    "start_page": "sites",
    "email_notices": "critical",
}
DEFAULTS = {"timezone": "", "theme": "auto", "page_size": 50, "start_page": "dashboard", "email_notices": "off"}
ALL = OpenApiExample("all", CHOSEN, response_only=True)
SOME = OpenApiExample("some", {"theme": "dark", "page_size": 100}, request_only=True)


class SettingsSerializer(serializers.Serializer[Any]):
    # The rules of `accounts.preferences` and `alerts.own_settings`, as fields; a test compares the two.
    timezone = ZoneField(
        allow_blank=True, help_text="Of the IANA database; empty: the browser's. The API itself uses UTC."
    )
    theme = serializers.ChoiceField(choices=Theme.choices)
    page_size = StrictIntegerField(
        min_value=MIN_PAGE_SIZE, max_value=MAX_PAGE_SIZE, help_text="Rows of a list in the panel."
    )
    start_page = serializers.ChoiceField(choices=StartPage.choices, help_text="After signing in to the panel.")
    email_notices = serializers.ChoiceField(
        choices=EmailNotices.choices, help_text="The least severity of incidents that are mailed to you."
    )

    unknown_name = "There is no such setting."

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown names: somebody who misspells a setting should not believe that it is saved."""
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            message = ErrorDetail(self.unknown_name, code="unknown")
            raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(data)


def current(request: Request) -> Admin:
    assert isinstance(request.user, Admin)
    return request.user


def answer(settings: OwnSettings) -> Response:
    return Response(asdict(settings))


class NoSettingsSerializer(SettingsSerializer):
    unknown_name = "A reset takes no settings."

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {}


class SettingsView(APIView):
    required_permissions = {"get": None, "put": None, "patch": None}
    # A stolen token must not turn off the mails to its owner.
    person_required = ("put", "patch")
    problem_statuses = (400, 401, 403)

    @extend_schema(
        operation_id="get_settings",
        summary="Read your own settings",
        tags=["settings"],
        responses=SettingsSerializer,
        examples=[ALL],
    )
    def get(self, request: Request) -> Response:
        """The defaults stand in for what you never chose."""
        return answer(own_settings(current(request)))

    @extend_schema(
        operation_id="replace_settings",
        summary="Change your own settings",
        tags=["settings"],
        request=SettingsSerializer(partial=True),
        responses=SettingsSerializer,
        examples=[ALL, SOME],
    )
    def put(self, request: Request) -> Response:
        """The same as PATCH: what is left out stays as it is. Unknown names are refused."""
        return self.change(request)

    @extend_schema(
        operation_id="update_settings",
        summary="Change your own settings",
        tags=["settings"],
        request=SettingsSerializer(partial=True),
        responses=SettingsSerializer,
        examples=[ALL, SOME],
    )
    def patch(self, request: Request) -> Response:
        """What is left out stays as it is. Unknown names are refused."""
        return self.change(request)

    def change(self, request: Request) -> Response:
        body = SettingsSerializer(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        return answer(change_own_settings(current(request), body.validated_data, at=timezone.now()))


class ResetSettingsView(APIView):
    required_permissions = {"post": None}
    person_required = True
    problem_statuses = (400, 401, 403)

    @extend_schema(
        operation_id="reset_settings",
        summary="Reset your own settings",
        tags=["settings"],
        request=None,
        responses=SettingsSerializer,
        examples=[OpenApiExample("defaults", DEFAULTS, response_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Everything to its default; the answer has the defaults. Notices by e-mail end. The body is empty or `{}`."""
        NoSettingsSerializer(data=request.data).is_valid(raise_exception=True)
        return answer(reset_own_settings(current(request), at=timezone.now()))
