"""The SQL that finds the ids of a page in the order of triage, and its total, on PostgreSQL.

See `sites.listing.postgresql`, of which it uses the same parts; panel/sites/list/tests/sql has the SQL as PostgreSQL gets it.
"""

from typing import Any

from sites.listing.postgresql import MATCHING_BOTH, MATCHING_PULSES, NAME_KEY, literal, run, select
from sites.listing.query import SiteQuery
from sites.models import SitePulse

# Measured at 100,000 sites, as the bounds in `sites.listing.postgresql`.
SORT_AT_MOST = 6_000
SORT_TEXT_MATCHES_AT_MOST = 20_000
ASK_PULSES_UP_TO_ROW = 2_000

# A text and no condition on pulses, and at most {at_most} sites match: these are sorted. Without ids if there are more.
SORT_TEXT_MATCHES = """
WITH sites AS NOT MATERIALIZED ({sites}),
found AS MATERIALIZED (
    SELECT pk, name, is_locked, is_active, license_expires_at FROM sites LIMIT {at_most} + 1
),
size AS (SELECT count(*) AS total FROM found),
ranked AS NOT MATERIALIZED (
    SELECT found.pk, found.name, pulse.due_at,
           CASE WHEN found.is_locked THEN 2
                WHEN NOT found.is_active OR found.license_expires_at <= {at} THEN 3
                WHEN pulse.due_at IS NULL THEN 4
                WHEN pulse.due_at >= {at} THEN 5
                ELSE 0  -- late or offline: the longer overdue, the earlier
           END AS triage
      FROM found
      JOIN sites_sitepulse AS pulse ON pulse.site_id = found.pk
)
SELECT total,
       CASE WHEN total <= {at_most} THEN
           ARRAY(SELECT pk FROM ranked
                  ORDER BY triage {direction},
                           CASE WHEN triage = 0 THEN due_at END {direction},
                           CASE WHEN triage > 0 THEN {name_key} END {direction},
                           pk {direction}
                  LIMIT {limit} OFFSET {offset})
       END
  FROM size
"""

# Conditions on pulses and on sites or texts, and at most {at_most} sites match: these are sorted. Without ids if there are
# more.
SORT_MATCHES_OF_BOTH = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses}),
found AS MATERIALIZED (
    SELECT pk, name, is_locked, is_active, license_expires_at, due_at
      FROM pulses JOIN sites USING (pk)
     LIMIT {at_most} + 1
),
size AS (SELECT count(*) AS total FROM found),
ranked AS NOT MATERIALIZED (
    SELECT pk, name, due_at,
           CASE WHEN is_locked THEN 2
                WHEN NOT is_active OR license_expires_at <= {at} THEN 3
                WHEN due_at IS NULL THEN 4
                WHEN due_at >= {at} THEN 5
                ELSE 0  -- late or offline: the longer overdue, the earlier
           END AS triage
      FROM found
)
SELECT total,
       CASE WHEN total <= {at_most} THEN
           ARRAY(SELECT pk FROM ranked
                  ORDER BY triage {direction},
                           CASE WHEN triage = 0 THEN due_at END {direction},
                           CASE WHEN triage > 0 THEN {name_key} END {direction},
                           pk {direction}
                  LIMIT {limit} OFFSET {offset})
       END
  FROM size
"""

# Only a condition on pulses, and at most {at_most} sites match: these are looked up and sorted. Without ids if there are more.
SORT_PULSES = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses}),
found AS MATERIALIZED ({matching} LIMIT {at_most} + 1),
size AS (SELECT count(*) AS total FROM found),
ranked AS NOT MATERIALIZED (
    SELECT sites.pk, sites.name, pulse.due_at,
           CASE WHEN sites.is_locked THEN 2
                WHEN NOT sites.is_active OR sites.license_expires_at <= {at} THEN 3
                WHEN pulse.due_at IS NULL THEN 4
                WHEN pulse.due_at >= {at} THEN 5
                ELSE 0  -- late or offline: the longer overdue, the earlier
           END AS triage
      FROM sites
      JOIN sites_sitepulse AS pulse ON pulse.site_id = sites.pk
     WHERE sites.pk = ANY (ARRAY(SELECT pk FROM found))
)
SELECT total,
       CASE WHEN total <= {at_most} THEN
           ARRAY(SELECT pk FROM ranked
                  ORDER BY triage {direction},
                           CASE WHEN triage = 0 THEN due_at END {direction},
                           CASE WHEN triage > 0 THEN {name_key} END {direction},
                           pk {direction}
                  LIMIT {limit} OFFSET {offset})
       END
  FROM size
"""

# No such condition, or more sites match. The page is put together from five groups, of which each is asked only for as many
# sites as the page still lacks. `silent` comes from one scan of the pulses. It goes through arrays, which the planner takes
# for small: it then hashes them to find out whether a site is among them.
FILL_FROM_GROUPS = """
WITH sites AS NOT MATERIALIZED ({sites}),
pulses AS NOT MATERIALIZED ({pulses}),
scanned AS MATERIALIZED (
    SELECT count(*) AS total,
           array_agg(pk) FILTER (WHERE (due_at >= {at}) IS NOT TRUE) AS pks,
           array_agg(due_at) FILTER (WHERE (due_at >= {at}) IS NOT TRUE) AS dues
      FROM ({scanned}) AS scanned
),
silent AS MATERIALIZED (
    SELECT pk, due_at FROM scanned, unnest(pks, dues) AS silent (pk, due_at)
),
with_problem AS MATERIALIZED (
    SELECT pk FROM silent
     UNION ALL
    SELECT unnest(ARRAY(SELECT pk FROM sites WHERE is_locked
                         UNION ALL SELECT pk FROM sites WHERE NOT is_active
                         UNION ALL SELECT pk FROM sites WHERE license_expires_at <= {at}))
),
size AS MATERIALIZED (SELECT {total} AS total),
part_1 AS MATERIALIZED (
    SELECT ARRAY(SELECT pk FROM ({group_1} LIMIT {stop}) AS next LIMIT least(total, {stop})) AS ids FROM size
),
part_2 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM ({group_2} LIMIT {stop}) AS next LIMIT least(total, {stop}) - cardinality(ids)) AS ids
      FROM size, part_1
),
part_3 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM ({group_3} LIMIT {stop}) AS next LIMIT least(total, {stop}) - cardinality(ids)) AS ids
      FROM size, part_2
),
part_4 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM ({group_4} LIMIT {stop}) AS next LIMIT least(total, {stop}) - cardinality(ids)) AS ids
      FROM size, part_3
),
part_5 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM ({group_5} LIMIT {stop}) AS next LIMIT least(total, {stop}) - cardinality(ids)) AS ids
      FROM size, part_4
)
SELECT total, ids[{offset} + 1:{stop}] FROM size, part_5
"""

COUNT_SCANNED = """(SELECT scanned.total FROM scanned)
             - (SELECT count(*) FROM pulses
                 WHERE pk = ANY (ARRAY(SELECT site_id FROM sites_site WHERE deregistered_at IS NOT NULL)))"""
SILENT_PULSES = "SELECT pk, due_at FROM pulses WHERE (due_at >= {at}) IS NOT TRUE"

# The groups, in their order. The inner ORDER BY makes PostgreSQL sort before it asks the sites one by one, so that it asks
# only until the page is full.
OVERDUE = """
        SELECT pk
          FROM (SELECT pk, due_at FROM silent WHERE due_at IS NOT NULL
                 ORDER BY due_at {direction}, pk {direction}) AS overdue
         WHERE (SELECT true FROM sites
                 WHERE sites.pk = overdue.pk AND is_active AND license_expires_at > {at} AND NOT is_locked)
         ORDER BY due_at {direction}, pk {direction}"""
LOCKED = """
        SELECT pk
          FROM (SELECT pk, name FROM sites WHERE is_locked
                 ORDER BY {name_key} {direction}, pk {direction} OFFSET 0) AS sites
         WHERE {of_problem_matches_pulse}
         ORDER BY {name_key} {direction}, pk {direction}"""
UNLICENSED = """
        SELECT pk
          FROM (SELECT pk, name FROM sites WHERE NOT is_locked AND (NOT is_active OR license_expires_at <= {at})
                 ORDER BY {name_key} {direction}, pk {direction} OFFSET 0) AS sites
         WHERE {of_problem_matches_pulse}
         ORDER BY {name_key} {direction}, pk {direction}"""
NEVER_SEEN = """
        SELECT pk
          FROM sites
         WHERE pk = ANY (ARRAY(SELECT pk FROM silent WHERE due_at IS NULL))
           AND is_active AND license_expires_at > {at} AND NOT is_locked
         ORDER BY {name_key} {direction}, pk {direction}"""
# By their ids alone, because the index on names has no other column.
ONLINE = """
        SELECT pk
          FROM sites
         WHERE (pk IN (SELECT pk FROM with_problem)) IS NOT TRUE
           AND {of_online_matches_pulse}
         ORDER BY {name_key} {direction}, pk {direction}"""
GROUPS = (OVERDUE, LOCKED, UNLICENSED, NEVER_SEEN, ONLINE)


def find_ids(query: SiteQuery, rows: slice) -> tuple[int, list[Any]]:
    """How many sites the list has, and the ids of those at the positions `rows`."""
    has_site_conditions = bool(query.on_site or query.on_text)
    at_most = SORT_TEXT_MATCHES_AT_MOST if query.on_text else SORT_AT_MOST
    few = None
    if query.on_pulse:
        few = SORT_MATCHES_OF_BOTH if has_site_conditions else SORT_PULSES
    elif query.on_text:
        few = SORT_TEXT_MATCHES
    if few:
        total, ids = run(render(few, query, rows, at_most=at_most))
        if ids is not None:
            return total, ids
    return run(render(FILL_FROM_GROUPS, query, rows))


def render(statement: str, query: SiteQuery, rows: slice, *, at_most: int = 0) -> str:
    """The statement for this query, with all values in it."""
    columns = ("pk", "name", "is_locked", "is_active", "license_expires_at")
    has_site_conditions = bool(query.on_site or query.on_text)
    matching = (MATCHING_BOTH if has_site_conditions else MATCHING_PULSES).format(pulse_column="due_at")
    at = literal(query.at)
    if not query.on_pulse:
        scanned, total = SILENT_PULSES.format(at=at), "(SELECT count(*) FROM sites)"
        asks_pulse = knows_pulse = "true"
    else:
        if has_site_conditions:
            scanned, total = matching, "(SELECT scanned.total FROM scanned)"
        else:
            scanned, total = "SELECT pk, due_at FROM pulses", COUNT_SCANNED
        # Sites with a problem are few, so each is asked for its pulse. Reading all matching pulses first costs more, and pays
        # off only for the online sites of a page far down.
        asks_pulse = "(SELECT true FROM pulses WHERE pulses.pk = sites.pk)"
        knows_pulse = "(pk IN (SELECT pk FROM pulses)) IS TRUE"
    values: dict[str, Any] = {
        "sites": select(query.without_pulse_condition().values(*columns)),
        "pulses": select(SitePulse.objects.filter(query.on_pulse).values("pk", "due_at")),
        "matching": matching,
        "scanned": scanned,
        "total": total,
        "of_problem_matches_pulse": asks_pulse,
        "of_online_matches_pulse": asks_pulse if rows.start <= ASK_PULSES_UP_TO_ROW else knows_pulse,
        "at": at,
        "name_key": NAME_KEY,
        "direction": "DESC" if query.descending else "ASC",
        "limit": rows.stop - rows.start,
        "offset": rows.start,
        "stop": rows.stop,
        "at_most": at_most,
    }
    groups = reversed(GROUPS) if query.descending else GROUPS
    values |= {f"group_{number}": group.format(**values) for number, group in enumerate(groups, 1)}
    return statement.format(**values)
