"""The sites that a form, a URL or the list has selected for an operation."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sites.models import Site

# As many as a page can name and a request can change in a few seconds.
MAX_SITES = 400


@dataclass(frozen=True)
class Selection:
    """`unknown` counts the ids that belong to no site. With a `refusal` there are no sites."""

    sites: Sequence[Site]
    unknown: int = 0
    refusal: str = ""


def select_sites(ids: Sequence[str], *, at: datetime) -> Selection:
    """The sites with these ids, with their status; what is not an id counts as unknown."""
    if len(set(ids)) > MAX_SITES:
        return Selection([], refusal=f"You can select at most {MAX_SITES} sites at once: filter the list first.")
    uuids = [found for text in ids if (found := read_uuid(text))]
    sites = list(Site.objects.with_state(at=at).filter(pk__in=uuids).sorted_by("name"))
    if not sites:
        return Selection([], refusal="Select at least one site.")
    return Selection(sites, unknown=len(set(ids)) - len(sites))


def are_site_ids(texts: Sequence[str]) -> bool:
    return all(read_uuid(text) for text in texts)


def read_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
