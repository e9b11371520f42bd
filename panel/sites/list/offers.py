"""The time zones, tags and organizations that the filters of the list offer: what there is, read in one statement."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from common.alphabet import alphabetical_key
from sites.listing.postgresql import database

MAX_OFFERED_TAGS = 100
MAX_OFFERED_ORGANIZATIONS = 100


@dataclass(frozen=True)
class Offers:
    zones: list[str]
    tags: list[str]
    # Pairs of id and name, in the order of the alphabet.
    organizations: list[tuple[str, str]]


def offers_for(request: HttpRequest) -> Offers:
    """Read once for a request: each filter asks."""
    holder: Any = request
    if not hasattr(holder, "offers_of_list"):
        with database().cursor() as cursor:
            cursor.execute(OFFERS, [MAX_OFFERED_TAGS, MAX_OFFERED_ORGANIZATIONS])
            rows = cursor.fetchall()
        zones, tags = ([name for kind, name, _ in rows if kind == each] for each in ("zone", "tag"))
        organizations = [(str(uuid.UUID(pk)), name) for kind, name, pk in rows if kind == "organization"]
        organizations.sort(key=lambda pair: alphabetical_key(pair[1]) or "")
        holder.offers_of_list = Offers(zones, tags, organizations)
    offers: Offers = holder.offers_of_list
    return offers


# From one zone, or tag, to the next in its index, so that only as many entries are read as there are zones and tags.
OFFERS = """
WITH RECURSIVE zone (name) AS (
    SELECT min(timezone) FROM sites_site WHERE deregistered_at IS NULL
    UNION ALL
    SELECT (SELECT min(timezone) FROM sites_site WHERE deregistered_at IS NULL AND timezone > zone.name)
    FROM zone WHERE zone.name IS NOT NULL
),
tag (name) AS (
    SELECT min(name) FROM sites_sitetag
    UNION ALL
    SELECT (SELECT min(sites_sitetag.name) FROM sites_sitetag WHERE sites_sitetag.name > tag.name)
    FROM tag WHERE tag.name IS NOT NULL
)
SELECT 'zone', name, NULL FROM zone WHERE name IS NOT NULL
UNION ALL
SELECT 'tag', name, NULL FROM (SELECT name FROM tag WHERE name IS NOT NULL LIMIT %s) AS offered
UNION ALL
SELECT 'organization', name, CAST(id AS text)
FROM (SELECT id, name FROM sites_organization ORDER BY name, id LIMIT %s) AS offered"""
