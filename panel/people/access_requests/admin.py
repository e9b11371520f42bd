"""The list of requests for access, and the page of one, where a sysadmin approves or rejects it."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.safestring import SafeString

from accounts.models import AccessRequest, Admin
from common.admin import ReadOnlyAdmin
from panel.account.pages import current_admin
from panel.own_lists import OwnLength
from panel.people.access_requests.decisions import ApproveView, RejectView
from panel.people.access_requests.forms import ApproveForm, RejectForm
from panel.widgets.badges import badge
from panel.widgets.times import moment_ago, moment_to_the_second

MAX_OTHERS = 10
STATE_BADGES = {
    AccessRequest.State.WAITING: "warn",
    AccessRequest.State.APPROVED: "good",
    AccessRequest.State.REJECTED: "none",
}


@admin.register(AccessRequest)
class AccessRequestAdmin(OwnLength, ReadOnlyAdmin):
    list_display = ["email", "name", "shown_state", "verified", "shown_claims", "network_address", "asked"]
    list_filter = ["state"]
    search_fields = ["email", "name", "address"]
    search_help_text = "E-mail, name or network address"
    ordering = ["-state", "-created_at"]  # those that wait come first
    change_form_template = "panel/people/access_requests/page.html"
    fields = ["name", "email", "reason", "network_address", "asked_at"]
    readonly_fields = ["network_address", "asked_at"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return AccessRequest.objects.with_claims()

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = kwargs["obj"]
        context |= {
            "title": asked.email,
            "page_title": f"{asked.email} · Requests for access",
            "subtitle": None,
            "state_badge": state_badge(asked),
            "verified_badge": verified_badge(asked),
            "others": others_of(asked),
            "crowded_out": AccessRequest.objects.crowded_out(asked.email),
            "admins": Admin.objects.filter(email__iexact=asked.email)
            | Admin.objects.filter(username__iexact=asked.email),
            "is_mail_on": bool(settings.EMAIL_HOST),
        }
        if asked.is_waiting and request.user.has_perm("accounts.decide_accessrequest"):
            context |= {
                "approve_form": ApproveForm(by=current_admin(request)),
                "reject_form": RejectForm(is_mail_on=context["is_mail_on"]),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[Any]:
        protected = self.admin_site.admin_view
        return [
            path("<uuid:request_id>/approve/", protected(ApproveView.as_view()), name="approve_access_request"),
            path("<uuid:request_id>/reject/", protected(RejectView.as_view()), name="reject_access_request"),
            *super().get_urls(),
        ]

    @admin.display(description="state", ordering="state")
    def shown_state(self, asked: AccessRequest) -> SafeString:
        return state_badge(asked)

    @admin.display(description="e-mail is")
    def verified(self, asked: AccessRequest) -> SafeString:
        return verified_badge(asked)

    @admin.display(description="waiting for it")
    def shown_claims(self, asked: Any) -> str:
        return str(asked.claims) if asked.claims else ""

    @admin.display(description="network address", ordering="address")
    def network_address(self, asked: AccessRequest) -> str:
        return asked.address or "unknown"

    @admin.display(description="asked")
    def asked_at(self, asked: AccessRequest) -> SafeString:
        return moment_to_the_second(asked.created_at)

    @admin.display(description="asked", ordering="created_at")
    def asked(self, asked: AccessRequest) -> SafeString:
        return moment_ago(asked.created_at)


def state_badge(asked: AccessRequest) -> SafeString:
    return badge(STATE_BADGES[AccessRequest.State(asked.state)], asked.get_state_display().lower())


def verified_badge(asked: AccessRequest) -> SafeString:
    return badge("good", "verified by Google") if asked.is_email_verified else badge("warn", "not verified")


def others_of(asked: AccessRequest) -> list[AccessRequest]:
    """The newest other requests that name the same address."""
    others = AccessRequest.objects.filter(email=asked.email).exclude(pk=asked.pk).newest_first()
    return list(others[:MAX_OTHERS])
