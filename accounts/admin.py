"""The admin pages of the people who operate."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from accounts import services
from accounts.models import Admin, TokenFamily
from accounts.two_factor.services import reset_two_factor
from common.admin import KnownLookupsOnly, ReadOnlyAdmin, RefusalsAsMessages
from common.errors import DomainError


class NewAdminForm(UserCreationForm):
    class Meta:
        model = Admin
        fields = ["username", "email", "role"]


class ChangeAdminForm(UserChangeForm):
    class Meta:
        model = Admin
        fields = ["username", "email", "role", "is_active", "password"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in services.CHANGEABLE:
            # The page says what it showed, so that what counts as changed is what this person changed.
            if name in self.fields:
                self.fields[name].show_hidden_initial = True


class NewPasswordForm(AdminPasswordChangeForm):
    def save(self, commit: bool = True) -> Admin:
        password = self.cleaned_data["password1"] if self.cleaned_data["set_usable_password"] else None
        return services.set_password_of(self.user.pk, password)


@admin.register(Admin)
class AdminAdmin(RefusalsAsMessages, KnownLookupsOnly, UserAdmin):
    form = ChangeAdminForm
    add_form = NewAdminForm
    change_password_form = NewPasswordForm
    add_form_template = "accounts/add_admin.html"
    change_form_template = "accounts/admin_change_form.html"
    list_display = ["username", "email", "role", "is_active", "shown_second_factor", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["username", "email"]
    ordering = ["username"]
    filter_horizontal = ()
    readonly_fields = ["username", "shown_second_factor", "last_login", "created_at"]
    fieldsets = [
        (None, {"fields": ["username", "email", "password", "shown_second_factor"]}),
        ("What they may do", {"fields": ["role", "is_active"]}),
        ("Record", {"fields": ["last_login", "created_at"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "email", "role", "password1", "password2"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        people: Any = super().get_queryset(request)
        return people.with_second_factor()

    @admin.display(description="Second factor", boolean=True, ordering="second_factor")
    def shown_second_factor(self, person: Any) -> bool:
        return bool(person.second_factor)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who only looks sees no password: Django would show a button there that leads to a refusal."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        (title, first), *others = fieldsets
        return [(title, {"fields": [name for name in first["fields"] if name != "password"]}), *others]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # A name that stands in the history does not change.
        return self.readonly_fields if obj else []

    def save_model(self, request: HttpRequest, obj: Admin, form: Any, change: bool) -> None:
        if not change:
            obj.must_change_password = True
            super().save_model(request, obj, form, change)
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in services.CHANGEABLE}
        services.change_admin(obj.pk, changes)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Another admin's password; one's own is changed where the old one is asked for."""
        # The person, not the id: an id can be spelled in more than one way.
        if self.get_object(request, unquote(id)) == request.user:
            return redirect("admin:password_change")
        try:
            return super().user_change_password(request, id, form_url)
        except DomainError as error:
            messages.error(request, error.detail)
            return redirect(request.get_full_path())

    def get_urls(self) -> list[Any]:
        reset = self.admin_site.admin_view(self.reset_view)
        return [path("<id>/reset-two-factor/", reset, name="reset_two_factor"), *super().get_urls()]

    def reset_view(self, request: HttpRequest, id: str) -> HttpResponse:  # noqa: A002 - as Django names it
        """For somebody who lost the telephone: asks, and resets by POST."""
        person = self.get_object(request, id)
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        if person is None:
            raise Http404
        if person == request.user:
            messages.error(request, "Your own second factors are on this page, where your password is asked for.")
            return redirect("admin:account")
        if request.method == "POST":
            reset_two_factor(person.pk, by=request.user.get_username(), at=timezone.now())
            messages.success(request, f"{person} has no second factor any more and is signed out everywhere.")
            return redirect("admin:accounts_admin_change", person.pk)
        context = {**self.admin_site.each_context(request), "title": "Reset second factors", "person": person}
        return TemplateResponse(request, "accounts/reset_two_factor.html", context)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TokenFamily)
class TokenFamilyAdmin(ReadOnlyAdmin):
    list_display = ["admin", "created_at", "expires_at", "ended_at", "end_reason"]
    search_fields = ["admin__username"]
    list_select_related = ["admin"]
    ordering = ["-created_at"]
    fields = ["admin", "created_at", "expires_at", "ended_at", "end_reason"]
