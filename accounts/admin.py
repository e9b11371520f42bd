"""The admin pages of the people who operate."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest

from accounts import services
from accounts.models import Admin, TokenFamily
from common.admin import KnownLookupsOnly, ReadOnlyAdmin, RefusalsAsMessages


class NewAdminForm(AdminUserCreationForm):
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
        """Writes the password alone: a full save would undo what somebody else changes at this moment."""
        super().save(commit=False)
        self.user.save(update_fields=["password"])
        return self.user


@admin.register(Admin)
class AdminAdmin(RefusalsAsMessages, KnownLookupsOnly, UserAdmin):
    form = ChangeAdminForm
    add_form = NewAdminForm
    change_password_form = NewPasswordForm
    list_display = ["username", "email", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["username", "email"]
    ordering = ["username"]
    filter_horizontal = ()
    readonly_fields = ["username", "last_login", "created_at"]
    fieldsets = [
        (None, {"fields": ["username", "email", "password"]}),
        ("What they may do", {"fields": ["role", "is_active"]}),
        ("Record", {"fields": ["last_login", "created_at"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "email", "role", "usable_password", "password1", "password2"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # A name that stands in the history does not change.
        return self.readonly_fields if obj else []

    def save_model(self, request: HttpRequest, obj: Admin, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in services.CHANGEABLE}
        services.change_admin(obj.pk, changes)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TokenFamily)
class TokenFamilyAdmin(ReadOnlyAdmin):
    list_display = ["admin", "created_at", "expires_at", "ended_at", "end_reason"]
    search_fields = ["admin__username"]
    list_select_related = ["admin"]
    ordering = ["-created_at"]
    fields = ["admin", "created_at", "expires_at", "ended_at", "end_reason"]
