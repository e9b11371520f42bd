from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import QueryDict

from panel.sites.forms import validate_one_line
from panel.sites.saved_views.queries import stored_query
from sites.limits import MAX_VIEW_NAME_LENGTH


class QueryField(forms.CharField):
    """The query of the list that the page was opened from."""

    widget = forms.HiddenInput

    def __init__(self, site_admin: Any = None, **kwargs: Any) -> None:
        super().__init__(required=False, strip=True, **kwargs)
        self.site_admin = site_admin

    def clean(self, value: Any) -> Any:
        return stored_query(QueryDict(super().clean(value)), self.site_admin)


class SaveViewForm(forms.Form):
    query = QueryField()
    name = forms.CharField(
        max_length=MAX_VIEW_NAME_LENGTH,
        validators=[validate_one_line],
        widget=AdminTextInputWidget,
        help_text="As it stands above the list, such as Unpaid in the north",
    )
    is_for_everybody = forms.BooleanField(
        required=False, label="For everybody", help_text="All your colleagues see it above their lists."
    )

    def __init__(self, *args: Any, site_admin: Any, may_share: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["query"].site_admin = site_admin  # type: ignore[attr-defined]
        if not may_share:
            del self.fields["is_for_everybody"]
