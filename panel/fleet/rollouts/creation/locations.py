"""Form fields for locations, which a person names by their names or ids."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from fleet.rollouts.limits import MAX_LISTED_LOCATIONS
from panel.sites.operations.selection import read_uuid
from sites.models import Site

# Names of unknown locations in one message.
MAX_NAMED = 5
MAX_CHARACTERS = 1_000_000


class LocationsField(forms.CharField):
    """One in each line. The cleaned value is a tuple of ids, or None."""

    def __init__(self) -> None:
        super().__init__(
            label="Locations",
            required=False,
            max_length=MAX_CHARACTERS,
            widget=forms.Textarea({"rows": 4, "cols": 60, "class": "vLargeTextField"}),
            help_text="Only devices at these sites: names or ids, one in each line.",
        )

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in super().clean(value).splitlines()]
        return found_locations([line for line in lines if line]) or None


class LocationField(forms.CharField):
    """The cleaned value is an id, or None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=300, widget=forms.TextInput({"class": "vTextField"}), **kwargs)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value).strip()
        return found_locations([typed])[0] if typed else None


def found_locations(texts: Sequence[str]) -> tuple[uuid.UUID, ...]:
    """In the order of the texts, each once. Two statements for any number."""
    if len(texts) > MAX_LISTED_LOCATIONS:
        raise ValidationError(f"Enter at most {MAX_LISTED_LOCATIONS:,} sites.", code="too_many")
    ids = {each: read_uuid(each) for each in texts}
    known = set(Site.objects.live().filter(pk__in=[pk for pk in ids.values() if pk]).values_list("pk", flat=True))
    by_name: dict[str, list[uuid.UUID]] = defaultdict(list)
    names = [each for each, pk in ids.items() if pk is None]
    for pk, name in Site.objects.live().filter(name__in=names).values_list("pk", "name"):
        by_name[name].append(pk)
    matches = {each: ([pk] if pk in known else []) if pk else by_name[each] for each, pk in ids.items()}
    refuse("There is no site", [each for each, found in matches.items() if not found])
    refuse("Enter the id, as more than one site is called", [each for each, found in matches.items() if len(found) > 1])
    return tuple(dict.fromkeys(matches[each][0] for each in texts))


def refuse(why: str, texts: Sequence[str]) -> None:
    if texts:
        named = ", ".join(f"“{each[:60]}”" for each in texts[:MAX_NAMED])
        more = f" and {len(texts) - MAX_NAMED:,} more" if len(texts) > MAX_NAMED else ""
        raise ValidationError(f"{why} {named}{more}.", code="unknown")
