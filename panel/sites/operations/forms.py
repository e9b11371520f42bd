"""The forms that confirm an operation. Each is given the selected sites as they are when it is sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms

from panel.sites.forms import validate_lines
from panel.sites.operations.expected_results import ExpectedResult
from panel.sites.typed_confirmation import TypedCountField, TypedNameField
from sites.limits import MAX_REASON_LENGTH
from sites.models import Site

# For more sites than that, the person types how many they are.
COUNT_TYPED_ABOVE = 10
HISTORY_ONLY = "For the history. The restaurant does not see it."


class OperationForm(forms.Form):
    # Whether the name of a single site must be typed, and the number of more than one.
    is_typed_confirmation: ClassVar[bool] = False
    # Whether the page shows what the entries lead to before the form can be confirmed.
    has_preview: ClassVar[bool] = False
    # Whether the entries end licences now.
    ends_licenses: bool = False

    def __init__(self, data: Any = None, *, sites: Sequence[Site], at: datetime) -> None:
        super().__init__(data)
        self.sites, self.at = sites, at
        if len(sites) > (1 if self.is_typed_confirmation else COUNT_TYPED_ABOVE):
            self.fields["typed_count"] = TypedCountField(len(sites))
        elif self.is_typed_confirmation:
            self.fields["typed_name"] = TypedNameField(sites[0].name)

    @property
    def registered_sites(self) -> list[Site]:
        return [site for site in self.sites if site.deregistered_at is None]

    def arguments(self) -> Mapping[str, Any]:
        """Of a valid form: what the service is called with, besides the site, `by`, `at` and `expected`."""
        not_for_the_service = ("typed_count", "typed_name", "shown_extension", "shown_at")
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in not_for_the_service and value is not None
        }

    def detailed(self, expected: ExpectedResult, site: Site) -> ExpectedResult:
        """What the operation does to the site with what the form has, if that says more."""
        return expected

    def without_confirmation_errors(self) -> None:
        """A preview runs nothing, so that it needs no confirmation yet."""
        for name in ("typed_count", "typed_name"):
            self.errors.pop(name, None)

    def focus_first_error(self) -> None:
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs["autofocus"] = True
                return


def text_field(
    *, required: bool, label: str = "", help_text: str = HISTORY_ONLY, max_length: int = MAX_REASON_LENGTH
) -> forms.CharField:
    return forms.CharField(
        max_length=max_length,
        validators=[validate_lines],
        required=required,
        label=label or None,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )


def optional_note() -> forms.CharField:
    return text_field(required=False, label="Note (optional)")


class LockForm(OperationForm):
    reason = text_field(required=True, help_text="The restaurant sees it with its next heartbeat.")


class UnlockForm(OperationForm):
    note = optional_note()


class DeactivateForm(OperationForm):
    reason = text_field(required=True)


class ActivateForm(OperationForm):
    reason = optional_note()


class DeregisterForm(OperationForm):
    is_typed_confirmation = True

    reason = text_field(required=True)


class RestoreForm(OperationForm):
    reason = optional_note()


class ConfirmForm(OperationForm):
    note = optional_note()


class DismissCloneForm(OperationForm):
    note = optional_note()
