"""Form field for the organization of a site: a text input with suggestions, as that for a time zone."""

import uuid
from typing import Any

from django import forms
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from sites.models import Organization

# More would make the page large; the slug of another one can be typed.
MAX_SUGGESTED = 500


class OrganizationInput(forms.TextInput):
    """The suggestions are the browser's: it searches names and slugs without a script."""

    template_name = "panel/organizations/input.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        identifier = context["widget"]["attrs"].get("id", f"id_{name}")
        context["widget"]["attrs"]["list"] = f"{identifier}_suggestions"
        return context | {"identifier": identifier, "suggestions": suggestions()}


class OrganizationField(forms.CharField):
    """The cleaned value is the id of an organization, or None. A person types its slug, or its name if only one has it."""

    widget = OrganizationInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        help_text = "The chain to which the site belongs, if any: its slug or its name."
        super().__init__(**{"required": False, "label": "Organization", "help_text": help_text, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        """What the input shows of an id; what was typed stays as it is."""
        if isinstance(value, uuid.UUID):
            return Organization.objects.filter(pk=value).values_list("slug", flat=True).first() or ""
        return value

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        if not typed:
            return None
        found = list(Organization.objects.named(typed)[:2])
        if len(found) == 1:
            return found[0].pk
        if found:
            message = f"More than one organization is called {typed}. Type the slug of one."
        else:
            message = f"There is no organization “{typed[:60]}”. Add it first, or choose one of the suggestions."
        raise forms.ValidationError(message, code="ambiguous" if found else "unknown")


def suggestions() -> SafeString:
    found = Organization.objects.by_name().values_list("slug", "name")[:MAX_SUGGESTED]
    return format_html_join("\n", '<option value="{}" label="{}"></option>', found)
