"""The forms for an organization. They validate; the services write."""

import uuid
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError

from panel.sites.forms import validate_one_line
from sites.models import Organization
from sites.slugs import clean_slug

SLUG_HELP = "By it files and commands name the organization: a to z, digits and hyphens."


class OrganizationForm(forms.ModelForm):
    class Meta:
        model = Organization
        fields = ["name", "slug"]
        widgets = {
            "name": AdminTextInputWidget,
            "slug": AdminTextInputWidget({"autocomplete": "off", "spellcheck": "false"}),
        }

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        validate_one_line(name)
        return name

    def clean_slug(self) -> str:
        typed: str = self.cleaned_data["slug"]
        if not typed:
            return typed
        slug = clean_slug(typed)
        if Organization.objects.filter(slug=slug).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Another organization has this slug.", code="taken")
        return slug


class NewOrganizationForm(OrganizationForm):
    """The hidden id makes a form that is sent twice one organization."""

    organization_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False
        self.fields["slug"].help_text = f"{SLUG_HELP} Leave empty to have it made from the name."


class ChangeOrganizationForm(OrganizationForm):
    """The hidden revision refuses a form that was opened before another change."""

    revision_seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["revision_seen"] = self.instance.revision
        # Absent for a person who may only look.
        if "slug" in self.fields:
            self.fields["slug"].help_text = f"{SLUG_HELP} It does not follow the name."
