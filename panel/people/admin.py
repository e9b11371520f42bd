"""The pages about the people who operate."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts import services
from accounts.models import Admin, SignInAttempt
from accounts.sessions import current_session_digest
from audit.actors import acting_admin
from audit.models import Event
from common.admin import KnownLookupsOnly, ReadOnlyAdmin
from common.errors import DomainError
from panel.account.confirmation import confirmation_page
from panel.events.filters import ActorFilter
from panel.kept_forms import with_kept_entries
from panel.own_lists import OwnLength
from panel.people.forms import ChangeAdminForm, NewAdminForm
from panel.people.history import events_about_url, events_of_admin, latest_attempts
from panel.people.password_link import password_link_page
from panel.people.reset_password import ResetPasswordView
from panel.people.reset_two_factor import ResetTwoFactorView
from panel.people.sign_ins import (
    EndAdminApiSignInView,
    EndAdminBrowserView,
    RevokeAdminTokenView,
    factor_words,
    sign_in_words,
    sign_ins_for_page,
)
from panel.widgets.badges import badge
from panel.widgets.times import moment_ago


@admin.register(Admin)
class AdminAdmin(OwnLength, KnownLookupsOnly, UserAdmin):
    form = ChangeAdminForm
    add_form = NewAdminForm
    add_form_template = "panel/people/add_form.html"
    change_form_template = "panel/people/change_form.html"
    list_display = ["username", "email", "role", "is_active", "second_factors", "last_sign_in", "signed_in"]
    for_sysadmins = frozenset({"second_factors", "signed_in"})
    list_filter = ["role", "is_active"]
    search_fields = ["username", "email"]
    ordering = ["username"]
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    filter_horizontal = ()
    readonly_fields = ["username", "last_login", "created_at"]
    fieldsets = [
        (None, {"fields": ["username", "email"]}),
        ("Permissions", {"fields": ["role", "is_active"]}),
        ("Details", {"fields": ["last_login", "created_at"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "email", "role"]}),
    ]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the refusal of a service as a message on the same page. What is sent needs a confirmation."""
        may_change = request.user.has_perm("accounts.change_admin")
        if request.method == "POST" and may_change and (page := confirmation_page(request)):
            return page
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(request.get_full_path())

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return with_kept_entries(request, super().get_form(request, *args, **kwargs))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Second factors and sign-ins only for a person who may see them on an admin's page."""
        may_change = self.has_change_permission(request)
        return [name for name in self.list_display if may_change or name not in self.for_sysadmins]

    def get_queryset(self, request: HttpRequest) -> Any:
        people: Any = super().get_queryset(request)
        return people.with_sign_ins(at=timezone.now())

    @admin.display(description="second factor", ordering="second_factor")
    def second_factors(self, person: Any) -> SafeString:
        return badge("good" if person.second_factor else "warn", factor_words(person))

    @admin.display(description="last sign-in", ordering="last_login", empty_value="never")
    def last_sign_in(self, person: Any) -> SafeString | None:
        return moment_ago(person.last_login) if person.last_login else None

    @admin.display(description="signed in")
    def signed_in(self, person: Any) -> str:
        return sign_in_words(person)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # The user name is part of the history and does not change.
        return self.readonly_fields if obj else []

    def save_model(self, request: HttpRequest, obj: Admin, form: Any, change: bool) -> None:
        by, at = acting_admin(request, Event.Source.ADMIN), timezone.now()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name in services.CHANGEABLE}
            services.change_admin(obj.pk, changes, by=by, at=at)
            return
        given = form.cleaned_data
        link = services.invite_admin(given["username"], email=given["email"], role=given["role"], by=by, at=at)
        obj.pk = link.admin.pk  # Django's next page is about `obj`
        request.password_link = link  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return password_link_page(request, request.password_link)  # type: ignore[attr-defined]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if (person := kwargs.get("obj")) and request.user.has_perm("audit.view_event"):
            context |= events_of_admin(person)
        if person and request.user.has_perm("accounts.view_signinattempt"):
            context["sign_in_attempts"] = latest_attempts(person)
        if person and self.has_change_permission(request):
            current = current_session_digest(request)
            context |= sign_ins_for_page(person, current_session=current, at=timezone.now())
        titles = {"title": person.username, "page_title": f"{person} · Admins"} if person else {"title": "Add an admin"}
        context |= {**titles, "subtitle": None, "show_save_and_continue": False, "show_save_and_add_another": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history of an admin is the list of events about them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(events_about_url(object_id))

    def get_urls(self) -> list[Any]:
        protected = self.admin_site.admin_view
        return [
            path("<id>/reset-two-factor/", protected(ResetTwoFactorView.as_view()), name="reset_two_factor"),
            path("<id>/end-browser/", protected(EndAdminBrowserView.as_view()), name="end_admin_browser"),
            path("<id>/end-api-sign-in/", protected(EndAdminApiSignInView.as_view()), name="end_admin_api_sign_in"),
            path("<id>/revoke-token/", protected(RevokeAdminTokenView.as_view()), name="revoke_admin_token"),
            # Replaces the page of Django's UserAdmin, which has this name.
            path("<id>/password/", protected(ResetPasswordView.as_view()), name="auth_user_password_change"),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptsOfFilter(ActorFilter):
    title, parameter_name = "admin", "admin"


@admin.register(SignInAttempt)
class SignInAttemptAdmin(OwnLength, ReadOnlyAdmin):
    list_display = ["at", "username", "admin", "outcome", "source", "address"]
    list_filter = ["outcome", "source", AttemptsOfFilter]
    search_fields = ["username", "admin__username", "address"]
    search_help_text = "User name or address"
    list_select_related = ["admin"]
    ordering = ["-id"]
    fields = ["at", "username", "admin", "outcome", "source", "address"]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        titles = {"title": f"Sign-in attempt · {kwargs['obj'].username}", "subtitle": None}
        return super().render_change_form(request, context | titles, *args, **kwargs)
