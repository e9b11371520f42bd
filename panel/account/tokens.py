"""One's own personal access tokens: the page that makes one, and the button that revokes one."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.generic import View

from accounts.errors import PersonalTokenNotFound
from accounts.models import Admin
from accounts.personal_tokens.offers import OF_NO_USE
from accounts.personal_tokens.services import (
    MAX_NAME_LENGTH,
    NewPersonalToken,
    create_personal_token,
    revoke_personal_token,
)
from audit.actors import acting_admin
from audit.models import Event
from common.errors import DomainError
from common.values import clean_id
from panel.account.confirmation import needs_confirmation
from panel.account.overview import EndSignInsView
from panel.account.pages import current_admin, render_page
from panel.account.token_list import permission_words
from panel.kept_forms import take_kept_entries
from panel.sites.forms import validate_one_line

NEVER = "never"
ENDS = [("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), (NEVER, "Never")]


class NewTokenForm(forms.Form):
    name = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        validators=[validate_one_line],
        widget=AdminTextInputWidget,
        help_text='What the script is, for example "nightly report".',
    )
    ends = forms.ChoiceField(choices=ENDS, initial="90", label="Ends")
    permissions = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        label="The script may",
        error_messages={"required": "Select what the script may do."},
    )

    def __init__(self, owner: Admin, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        permissions = self.fields["permissions"]
        assert isinstance(permissions, forms.MultipleChoiceField)
        # What is about sites first: most scripts need nothing else.
        names = sorted(owner.permissions - OF_NO_USE, key=lambda name: (not name.startswith("sites."), name))
        permissions.choices = [(name, permission_words(name)) for name in names]

    def permission_groups(self) -> list[tuple[str, list[Any]]]:
        """The checkboxes by the app of their permission, which is the first part of its name."""
        by_app = groupby(self["permissions"], key=lambda box: str(box.data["value"]).partition(".")[0])
        return [(app.replace("_", " ").capitalize(), list(boxes)) for app, boxes in by_app]

    def facts(self, *, at: datetime) -> dict[str, Any]:
        given = self.cleaned_data
        ends = None if given["ends"] == NEVER else at + timedelta(days=int(given["ends"]))
        return {"name": given["name"], "permissions": given["permissions"], "expires_at": ends}


class AddTokenView(View):
    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(NewTokenForm(current_admin(request), take_kept_entries(request)))

    @needs_confirmation
    def post(self, request: HttpRequest) -> HttpResponse:
        owner, at = current_admin(request), timezone.now()
        form = NewTokenForm(owner, request.POST)
        if form.is_valid():
            by = acting_admin(request, Event.Source.ADMIN)
            try:
                return self.shown_once(create_personal_token(owner.pk, **form.facts(at=at), by=by, at=at))
            except DomainError as error:
                form.add_error(None, error.detail)
        return self.render(form)

    def render(self, form: NewTokenForm) -> HttpResponse:
        return render_page(self.request, "add_token", "Make a token for a script", form=form)

    def shown_once(self, new: NewPersonalToken) -> HttpResponse:
        response = render_page(self.request, "new_token", f"Token for “{new.token.name}”", new=new)
        response["Cache-Control"] = "no-store"
        return response


class RevokeTokenView(EndSignInsView):
    """A button that goes back to its page."""

    def end(self, **who_and_when: Any) -> str:
        try:
            token_id = clean_id(self.request.POST.get("token"))
            token = revoke_personal_token(token_id, owner_id=self.owner.pk, **who_and_when)
        except (ValidationError, PersonalTokenNotFound):
            return "That token was revoked already."
        return f"The token “{token.label}” is revoked."
