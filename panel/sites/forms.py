"""What the forms about sites have in common."""

from common.values import refuse_control_characters

EXPIRY_HELP = "Ends at exactly this time."


def validate_one_line(text: str) -> None:
    refuse_control_characters(text)


def validate_lines(text: str) -> None:
    refuse_control_characters(text, multiline=True)


class OneLineNames:
    """The API's rule for names, for forms that take theirs from the model."""

    def clean_name(self) -> str:
        return self.one_line_of("name")

    def clean_owner_name(self) -> str:
        return self.one_line_of("owner_name")

    def clean_contact_email(self) -> str:
        return self.one_line_of("contact_email")

    def one_line_of(self, field: str) -> str:
        text: str = self.cleaned_data[field]  # type: ignore[attr-defined]
        validate_one_line(text)
        return text
