"""The SQL that finds the ids of a page of the list, and its total, on PostgreSQL.

The columns that heartbeats change have no index, so that heartbeats stay cheap: a condition on them reads the table of pulses
from end to end, and should do so once. Nor may a page depend on the planner's estimate of how many sites match, which is
often wrong. So there is one statement for each strategy, and `find_ids` chooses by what it knows: the conditions, the order,
how many sites match, and how far down the page is.

sites/tests/sql has the SQL of each strategy as PostgreSQL gets it. docs/performance/list.md has the measurements.
"""

from typing import Any

from django.db import connections, router
from django.db.models import QuerySet

from common.alphabet import POSTGRESQL_COLLATION
from sites.listing.query import SiteQuery
from sites.models import SitePulse

# Measured at 100,000 sites.
LOOK_UP_AT_MOST = 500
SORT_AT_MOST = 3_000
# Matches of a text often have names in common, so that a walk in the order of names would meet them late.
SORT_TEXT_MATCHES_AT_MOST = 20_000
ASK_PULSES_UP_TO_ROW = 2_000
SAMPLE_ROWS = 5_000

# The indexes `site_by_name_alphabetical` and `site_by_zone_alphabetical` have this order; see `sites.querysets.Alphabetical`.
NAME_KEY = f'name COLLATE "{POSTGRESQL_COLLATION}"'

# In the statements, {sites} is a SELECT of the live sites that fulfil the conditions on sites and texts, and {pulses} one of
# the pulses that fulfil those on pulses. {matching} is the first of these if there is no condition on sites, else the second:
MATCHING_PULSES = """SELECT pk, {pulse_column} FROM pulses
         WHERE NOT EXISTS (SELECT FROM sites_site WHERE site_id = pk AND deregistered_at IS NOT NULL)"""
MATCHING_BOTH = "SELECT pk, {pulse_column} FROM pulses JOIN sites USING (pk)"
# {total} is the number of matches. Without a condition on sites it is faster to subtract the few deregistered ones than to
# ask for every pulse whether its site is live.
COUNT_SITES = "SELECT count(*) FROM sites"
COUNT_BOTH = "SELECT count(*) FROM pulses JOIN sites USING (pk)"
COUNT_PULSES = """SELECT (SELECT count(*) FROM pulses)
             - (SELECT count(*) FROM pulses
                 WHERE pk = ANY (ARRAY(SELECT site_id FROM sites_site WHERE deregistered_at IS NOT NULL)))"""

# No condition on pulses, ordered by a column of the site: the index on that column has the order.
WALK_SITES = """
WITH sites AS NOT MATERIALIZED ({sites})
SELECT (SELECT count(*) FROM sites),
       ARRAY(SELECT pk FROM sites ORDER BY {sort_key} {direction}, pk {direction} LIMIT {limit} OFFSET {offset})
"""

# The same with a text that at most {at_most} sites contain: these are sorted. Without ids if there are more.
SORT_SITES_WITH_TEXT = """
WITH sites AS NOT MATERIALIZED ({sites}),
found AS MATERIALIZED (SELECT pk, {column} FROM sites LIMIT {at_most} + 1),
size AS (SELECT count(*) AS total FROM found)
SELECT total,
       CASE WHEN total <= {at_most} THEN
           ARRAY(SELECT pk FROM found ORDER BY {sort_key} {direction}, pk {direction} LIMIT {limit} OFFSET {offset})
       END
  FROM size
"""

# A condition on pulses, ordered by a column of the site, and at most {at_most} sites match. A few matches are looked up and
# sorted; of more, the index on the order is walked, and each of its entries is asked whether it is among them (IS TRUE keeps
# the planner from a join, which would lose the order). Without ids if there are more than {at_most}.
SORT_SITES_OF_PULSES = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses}),
live AS NOT MATERIALIZED (SELECT site_id AS pk, {column} FROM sites_site WHERE deregistered_at IS NULL),
found AS MATERIALIZED ({matching} LIMIT {at_most} + 1),
size AS (SELECT count(*) AS total FROM found)
SELECT total,
       CASE WHEN total <= {look_up_at_most} THEN
           ARRAY(SELECT pk FROM live WHERE pk = ANY (ARRAY(SELECT pk FROM found))
                  ORDER BY {sort_key} {direction}, pk {direction} LIMIT {limit} OFFSET {offset})
            WHEN total <= {at_most} THEN
           ARRAY(SELECT pk FROM live WHERE (pk IN (SELECT pk FROM found)) IS TRUE
                  ORDER BY {sort_key} {direction}, pk {direction} LIMIT {limit} OFFSET {offset})
       END
  FROM size
"""

# The same, but more sites match, and the page is near the beginning: sites in their order, each asked for its pulse until
# the page is full.
WALK_SITES_ASKING_PULSES = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses})
SELECT ({total}),
       ARRAY(SELECT pk FROM sites WHERE (SELECT true FROM pulses WHERE pulses.pk = sites.pk)
              ORDER BY {sort_key} {direction}, pk {direction} LIMIT {limit} OFFSET {offset})
"""

# The same, but the page is further down: all matching pulses are read first, which costs the same for every page.
WALK_SITES_KNOWING_PULSES = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses})
SELECT ({total}),
       ARRAY(SELECT pk FROM sites WHERE (pk IN (SELECT pk FROM pulses)) IS TRUE
              ORDER BY {sort_key} {direction}, pk {direction} LIMIT {limit} OFFSET {offset})
"""

# Any condition, ordered by a column of the pulse, and at most {at_most} sites match: these are sorted. Without ids if there
# are more.
SORT_PULSES = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses}),
found AS MATERIALIZED ({matching} LIMIT {at_most} + 1),
size AS (SELECT count(*) AS total FROM found)
SELECT total,
       CASE WHEN total <= {at_most} THEN
           ARRAY(SELECT pk FROM found
                  ORDER BY {column} {direction} NULLS LAST, pk {direction} LIMIT {limit} OFFSET {offset})
       END
  FROM size
"""

# The same, but more sites match, or there is no condition at all. The last row of the page comes no later than the row of
# that number in any sample of the matches: this spares most rows the sorting.
SCAN_PULSES = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses})
SELECT ({total}),
       ARRAY(SELECT pk FROM ({matching}) AS matching
              WHERE ({column} {up_to} (SELECT {column} FROM ({matching} LIMIT {sample_rows}) AS sample
                                        ORDER BY {column} {direction} NULLS LAST
                                       OFFSET {offset} + {limit} - 1 LIMIT 1)) IS NOT FALSE
              ORDER BY {column} {direction} NULLS LAST, pk {direction} LIMIT {limit} OFFSET {offset})
"""


def database() -> Any:
    """The connection on which the lists are read."""
    return connections[router.db_for_read(SitePulse)]


def can_find(query: SiteQuery) -> bool:
    return database().vendor == "postgresql" and query.registration == "live"


def find_ids(query: SiteQuery, rows: slice) -> tuple[int, list[Any]]:
    """How many sites the list has, and the ids of those at the positions `rows`."""
    by_pulse = query.order.startswith("pulse__")
    at_most = SORT_TEXT_MATCHES_AT_MOST if query.on_text else SORT_AT_MOST
    if by_pulse:
        few = SORT_PULSES if query.on_pulse or query.on_site or query.on_text else None
        many = SCAN_PULSES
    elif query.on_pulse:
        few = SORT_SITES_OF_PULSES
        many = WALK_SITES_ASKING_PULSES if rows.start <= ASK_PULSES_UP_TO_ROW else WALK_SITES_KNOWING_PULSES
    else:
        few = SORT_SITES_WITH_TEXT if query.on_text else None
        many = WALK_SITES
    if few:
        total, ids = run(render(few, query, rows, at_most=at_most))
        if ids is not None:
            return total, ids
    return run(render(many, query, rows))


def render(statement: str, query: SiteQuery, rows: slice, *, at_most: int = 0) -> str:
    """The statement for this query, with all values in it."""
    by_pulse = query.order.startswith("pulse__")
    column = query.order.removeprefix("pulse__")
    pulse_column = column if by_pulse else "last_seen_at"
    has_site_conditions = bool(query.on_site or query.on_text)
    matching = MATCHING_BOTH if has_site_conditions else MATCHING_PULSES
    total = (COUNT_BOTH if has_site_conditions else COUNT_PULSES) if query.on_pulse else COUNT_SITES
    return statement.format(
        sites=select(query.without_pulse_condition().values("pk", *(() if by_pulse else (column,)))),
        pulses=select(SitePulse.objects.filter(query.on_pulse).values("pk", pulse_column)),
        matching=matching.format(pulse_column=pulse_column),
        total=total,
        column=column,
        sort_key=NAME_KEY if column == "name" else column,
        direction="DESC" if query.descending else "ASC",
        up_to=">=" if query.descending else "<=",
        limit=rows.stop - rows.start,
        offset=rows.start,
        at_most=at_most,
        look_up_at_most=LOOK_UP_AT_MOST,
        sample_rows=SAMPLE_ROWS,
    )


def select(rows: QuerySet[Any]) -> str:
    """The queryset's SQL; the driver quotes the values in it."""
    with database().cursor() as cursor:
        return str(cursor.mogrify(*rows.query.sql_with_params()))


def literal(value: object) -> str:
    with database().cursor() as cursor:
        return str(cursor.mogrify("%s", [value]))


def run(statement: str) -> tuple[int, Any]:
    with database().cursor() as cursor:
        cursor.execute(statement)
        total, ids = cursor.fetchone()
        return total, ids
