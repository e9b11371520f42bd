"""Form field for a time zone: a text input with suggestions, which show the present time in each zone."""

from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.forms.widgets import Script
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from common.instants import known_zones


class ZoneInput(forms.TextInput):
    """The suggestions are the browser's: it searches them without a script. The script renews the time beside the input."""

    template_name = "panel/widgets/zone.html"

    class Media:
        js = (Script("portcullis/zone_field.js", defer=True),)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        at = timezone.now()
        identifier = context["widget"]["attrs"].get("id", f"id_{name}")
        context["widget"]["attrs"]["list"] = f"{identifier}_zones"
        return context | {"identifier": identifier, "suggestions": suggestions(at), "time_there": time_there(value, at)}


class ZoneField(forms.CharField):
    """The cleaned value is the name of a zone; empty if none is required. Capitals do not matter, and the name of a city is
    enough if only one has it."""

    widget = ZoneInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"})

    def clean(self, value: Any) -> str:
        typed: str = super().clean(value)
        if not typed:
            return typed
        found = zones_by_words().get(words_of(typed), [])
        if len(found) == 1:
            return found[0]
        if found:
            message = f"More than one time zone is called {typed}: {', '.join(found)}."
        else:
            message = f"“{typed[:60]}” is not a time zone. Choose one of the suggestions, such as Europe/Rome."
        raise forms.ValidationError(message, code="ambiguous" if found else "unknown")


@cache
def zones() -> list[tuple[str, str, ZoneInfo]]:
    """Name, label and rules of each zone. Kept, because reading the rules of all takes longer than a page."""
    return [(name, label_of(name), ZoneInfo(name)) for name in sorted(known_zones())]


def label_of(name: str) -> str:
    """As in "New York (America)": what browsers search, besides the name."""
    *regions, city = name.replace("_", " ").split("/")
    return f"{city} ({', '.join(regions)})" if regions else city


@cache
def zones_by_words() -> dict[str, list[str]]:
    """The names of all zones by what a person may type for them: a city, or the name, which wins."""
    found: dict[str, list[str]] = {}
    for name in sorted(known_zones()):
        if not name.startswith("Etc/"):  # which has no cities, and in which GMT+1 is an hour behind
            found.setdefault(words_of(name.rpartition("/")[2]), []).append(name)
    return found | {words_of(name): [name] for name in known_zones()}


def words_of(text: str) -> str:
    return " ".join(text.replace("_", " ").casefold().split())


def suggestions(at: datetime) -> SafeString:
    return format_html_join(
        "\n",
        '<option value="{}" label="{}, {}"></option>',
        ((name, label, f"{at.astimezone(zone):%H:%M}") for name, label, zone in zones()),
    )


def time_there(name: Any, at: datetime) -> str:
    """As in "It is 14:02 there now."; empty if there is no such zone. The script writes the same words."""
    return f"It is {at.astimezone(ZoneInfo(name)):%H:%M} there now." if name in known_zones() else ""
