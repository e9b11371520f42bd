"""The forms of the page of a request for access, and the one with which people ask."""

from typing import Any

from django import forms

from accounts.access_requests.asking import check_new_password
from accounts.models import Admin
from accounts.roles import Role, may_do_all_of
from accounts.usernames import MAX_USERNAME_LENGTH, username_of_email
from common.values import clean_text

MAX_NAME_LENGTH, MAX_TEXT_LENGTH, MAX_PASSWORD_LENGTH = 150, 500, 4096


class ApproveForm(forms.Form):
    """`by` is the person who decides: roles above theirs are not offered."""

    role = forms.ChoiceField()

    def __init__(self, *args: Any, by: Admin, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [choice for choice in reversed(Role.choices) if may_do_all_of(by.role, choice[0])]
        self.fields["role"].choices = offered  # type: ignore[attr-defined]


class RejectForm(forms.Form):
    note = forms.CharField(
        required=False,
        max_length=MAX_TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, is_mail_on: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = (
            "The person reads it in the mail." if is_mail_on else "No mail is sent from here: the person is not told."
        )
        self.fields["note"].help_text = told

    def clean_note(self) -> str:
        return clean_text(self.cleaned_data["note"], max_length=MAX_TEXT_LENGTH, multiline=True, blank=True)


class AskWithGoogleForm(forms.Form):
    """Google has said the name and the address."""

    reason = forms.CharField(
        label="Why you need access",
        required=False,
        max_length=MAX_TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_reason(self) -> str:
        return clean_text(self.cleaned_data["reason"], max_length=MAX_TEXT_LENGTH, multiline=True, blank=True)


class AskForm(AskWithGoogleForm):
    """What a person without access types."""

    field_order = ("name", "email", "password", "again", "reason")
    name = forms.CharField(
        label="Your name", max_length=MAX_NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.CharField(
        label="Your e-mail address",
        max_length=MAX_USERNAME_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
        help_text="It becomes your user name.",
    )
    password = forms.CharField(
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters, and not one that you use elsewhere.",
    )
    again = forms.CharField(
        label="Password again",
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_name(self) -> str:
        return clean_text(self.cleaned_data["name"], max_length=MAX_NAME_LENGTH)

    def clean_email(self) -> str:
        return username_of_email(self.cleaned_data["email"])

    def clean(self) -> None:
        given = self.cleaned_data
        if "password" not in given:
            return
        if "again" in given and given["again"] != given["password"]:
            self.add_error("again", "The two passwords differ.")
        try:
            check_new_password(given["password"], email=given.get("email", ""))
        except forms.ValidationError as error:
            self.add_error("password", error)
