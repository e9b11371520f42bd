"""The last days of an estate, as they look in a panel: calls up to the newest one that the pulse tells, and events."""

from datetime import timedelta

import psycopg

from benchmarks.postgres import Database, indexes_made_afterwards

HEARTBEATS, EVENTS = "heartbeat_heartbeat", "audit_event"
INTERVAL = timedelta(hours=6)

# Every site that ever called, so many intervals before its newest call.
ONE_TURN = f"""
INSERT INTO {HEARTBEATS} (site_id, received_at, due_at, ip, version, uptime_seconds, licensed, locked)
SELECT site_id, last_seen_at - %(ago)s, last_seen_at - %(ago)s + %(interval)s, last_seen_ip, version,
       greatest(0, uptime_seconds - %(seconds_ago)s), reply_licensed, reply_locked
  FROM sites_sitepulse WHERE last_seen_at IS NOT NULL
 ORDER BY last_seen_at"""

# One for each site and turn, by the system: what matters here is their number.
EVENT_TURN = f"""
INSERT INTO {EVENTS} (id, at, action, subject_type, subject_id, subject_name, source, changes)
SELECT gen_random_uuid(), created_at + %(later)s, %(action)s, 'site', site_id, name, 'system', '{{}}'
  FROM sites_site ORDER BY created_at"""
ACTIONS = ("site.registered", "site.updated", "site.extended")


def seed_recent_history(database: Database, *, rows_per_site: int) -> None:
    """So many heartbeats for each site, the oldest first, and an event for each of ACTIONS."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        with indexes_made_afterwards(connection, HEARTBEATS):
            for turn in reversed(range(rows_per_site)):
                ago = turn * INTERVAL
                seconds = int(ago.total_seconds())
                connection.execute(ONE_TURN, {"ago": ago, "interval": INTERVAL, "seconds_ago": seconds})
        for hours, action in enumerate(ACTIONS):
            connection.execute(EVENT_TURN, {"later": timedelta(hours=hours), "action": action})
        connection.execute(f"VACUUM (ANALYZE, PARALLEL 0) {HEARTBEATS}, {EVENTS}")
        connection.execute("CHECKPOINT")
