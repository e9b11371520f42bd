"""The forms of the pages about admins. They validate; the services write."""

from typing import Any

from django.contrib.auth.forms import UserCreationForm
from django.forms import ModelForm

from accounts.models import Admin
from accounts.services import CHANGEABLE


class NewAdminForm(UserCreationForm):
    """Without a password, which the new admin sets by a link."""

    password1 = None  # type: ignore[assignment]
    password2 = None  # type: ignore[assignment]

    class Meta:
        model = Admin
        fields = ["username", "email", "role"]

    def save(self, commit: bool = True) -> Admin:
        """In place of Django's, which sets a password."""
        created: Admin = ModelForm.save(self, commit=False)
        return created


class ChangeAdminForm(ModelForm):
    """Without the password, whose hash Django's form would show."""

    class Meta:
        model = Admin
        fields = ["username", "email", "role", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in CHANGEABLE:
            # The page sends back what it showed, so that only what this person changed counts as changed.
            if name in self.fields:
                self.fields[name].show_hidden_initial = True
