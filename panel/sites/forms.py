"""What the forms about sites have in common."""

from django.contrib.admin.widgets import AdminTextInputWidget

from common.values import clean_phone, refuse_control_characters
from sites.limits import MAX_PHONE_LENGTH

EXPIRY_HELP = "Ends at exactly this time."
PHONE_INPUT = AdminTextInputWidget({"type": "tel"})


def validate_one_line(text: str) -> None:
    refuse_control_characters(text)


def validate_lines(text: str) -> None:
    refuse_control_characters(text, multiline=True)


class OneLineNames:
    """The API's rules for names, e-mail and phone, for forms that take theirs from the model."""

    def clean_name(self) -> str:
        return self.one_line_of("name")

    def clean_owner_name(self) -> str:
        return self.one_line_of("owner_name")

    def clean_contact_email(self) -> str:
        return self.one_line_of("contact_email")

    def clean_contact_phone(self) -> str:
        return clean_phone(self.cleaned_data["contact_phone"], max_length=MAX_PHONE_LENGTH)  # type: ignore[attr-defined]

    def one_line_of(self, field: str) -> str:
        text: str = self.cleaned_data[field]  # type: ignore[attr-defined]
        validate_one_line(text)
        return text
