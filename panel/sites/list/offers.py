"""The time zones and the tags that the filters of the list offer: what there is, read in one statement for both."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from sites.listing.postgresql import database

MAX_OFFERED_TAGS = 100


@dataclass(frozen=True)
class Offers:
    zones: list[str]
    tags: list[str]


def offers_for(request: HttpRequest) -> Offers:
    """Read once for a request: each filter asks."""
    holder: Any = request
    if not hasattr(holder, "offers_of_list"):
        with database().cursor() as cursor:
            cursor.execute(OFFERS, [MAX_OFFERED_TAGS])
            rows = cursor.fetchall()
        holder.offers_of_list = Offers(*([name for kind, name in rows if kind == each] for each in ("zone", "tag")))
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
SELECT 'zone', name FROM zone WHERE name IS NOT NULL
UNION ALL
SELECT 'tag', name FROM (SELECT name FROM tag WHERE name IS NOT NULL LIMIT %s) AS offered"""
