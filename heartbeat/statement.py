"""The one SQL statement that answers a heartbeat on PostgreSQL.

It authenticates the site, computes the reply, updates the site's pulse, stores the history row and holds the site to its
own limit, in one round trip. `heartbeat.services.record_with_orm` does the same in several steps, on SQLite and for the three
kinds of calls that this statement does not record: a call past the site's limit, the second use of a new key while older keys
are valid, and a call with a key of a former pepper. heartbeat/tests/test_same_rules.py compares the two, and both with the
querysets.
"""

import re

# It returns no row if the credentials are not valid, else `is_recorded` and the fields of `Reply`.
# Texts and integers have a cast, because psycopg does not send PostgreSQL the exact type of a text or an integer.
RECORD_HEARTBEAT = """
WITH site AS (
    -- SiteQuerySet.live() and with_licensed()
    SELECT site_id, is_locked, lock_reason, license_expires_at,
           is_active AND license_expires_at > %(at)s AS licensed
      FROM sites_site
     WHERE site_id = %(site_id)s
       AND deregistered_at IS NULL
),
caller AS (
    SELECT site.site_id, site.licensed, site.is_locked, site.lock_reason, site.license_expires_at,
           key.id AS key_id,
           key.pepper,
           -- A rotation sets expires_at of every older key.
           key.expires_at IS NULL AS holds_newest_key,
           -- heartbeat.schedule.seconds_until_next_call(): a licence that ends before the usual next call
           -- makes the site call within the minute after its end.
           CASE WHEN site.licensed
                 AND site.license_expires_at < %(at)s + make_interval(secs => %(usual_seconds)s::integer)
                THEN greatest(
                         ceil(extract(epoch FROM site.license_expires_at - %(at)s))::integer
                         + %(after_end_seconds)s::integer,
                         %(shortest_seconds)s::integer)
                ELSE %(usual_seconds)s::integer
           END AS next_heartbeat_seconds
      FROM site
      JOIN sites_sitekey AS key ON key.site_id = site.site_id
     WHERE key.digest = %(digest)s::varchar
       -- SiteKeyQuerySet.live()
       AND key.revoked_at IS NULL
       AND (key.expires_at IS NULL OR key.expires_at > %(at)s)
),
updated_pulse AS (
    UPDATE sites_sitepulse AS pulse
       SET -- Calls are counted in windows of a minute. A window also holds a call that began a moment before
           -- the one that opened it, but not one after the clock was set back by a minute or more.
           window_started_at = CASE WHEN pulse.window_started_at > %(at)s - interval '1 minute'
                                     AND pulse.window_started_at < %(at)s + interval '1 minute'
                                    THEN pulse.window_started_at
                                    ELSE %(at)s END,
           window_calls = CASE WHEN pulse.window_started_at > %(at)s - interval '1 minute'
                                AND pulse.window_started_at < %(at)s + interval '1 minute'
                               THEN pulse.window_calls + 1
                               ELSE 1 END,
           -- sites.call_rate.recent_calls_with_one_more()
           recent_calls = 1 + coalesce(pulse.recent_calls * exp(greatest(-100, least(0,
                              extract(epoch FROM pulse.last_seen_at - %(at)s)::float8 / 86400))), 0),
           -- The uses of the newest key are counted up to two. Uses of older keys are not counted.
           newest_key_id = CASE WHEN caller.holds_newest_key THEN caller.key_id ELSE pulse.newest_key_id END,
           newest_key_uses = CASE WHEN NOT caller.holds_newest_key THEN pulse.newest_key_uses
                                  WHEN pulse.newest_key_id = caller.key_id THEN 2
                                  ELSE 1 END,
           -- A call that is recorded after a later one does not change the rest of the pulse. A pulse that is further
           -- ahead was written by a clock that was wrong, and is overwritten.
           last_seen_at = CASE WHEN pulse.last_seen_at > %(at)s AND pulse.last_seen_at <= %(newest_possible)s
                               THEN pulse.last_seen_at
                               ELSE %(at)s END,
           last_seen_ip = CASE WHEN pulse.last_seen_at > %(at)s AND pulse.last_seen_at <= %(newest_possible)s
                               THEN pulse.last_seen_ip
                               ELSE %(ip)s::inet END,
           version = CASE WHEN pulse.last_seen_at > %(at)s AND pulse.last_seen_at <= %(newest_possible)s
                          THEN pulse.version
                          ELSE %(version)s::varchar END,
           uptime_seconds = CASE WHEN pulse.last_seen_at > %(at)s AND pulse.last_seen_at <= %(newest_possible)s
                                 THEN pulse.uptime_seconds
                                 ELSE %(uptime_seconds)s::bigint END,
           due_at = CASE WHEN pulse.last_seen_at > %(at)s AND pulse.last_seen_at <= %(newest_possible)s
                         THEN pulse.due_at
                         ELSE %(at)s + make_interval(secs => caller.next_heartbeat_seconds) END,
           reply_licensed = CASE WHEN pulse.last_seen_at > %(at)s AND pulse.last_seen_at <= %(newest_possible)s
                                 THEN pulse.reply_licensed
                                 ELSE caller.licensed END,
           reply_locked = CASE WHEN pulse.last_seen_at > %(at)s AND pulse.last_seen_at <= %(newest_possible)s
                               THEN pulse.reply_locked
                               ELSE caller.is_locked END
      FROM caller
     WHERE pulse.site_id = caller.site_id
       -- If the row of the key does not say yet that this is its pepper, the ORM records the call.
       AND caller.pepper = %(pepper)s::varchar
       -- PostgreSQL checks the two conditions below again if it had to wait for another call of the same site.
       -- Past the limit nothing is written; the ORM then computes how long the site has to wait.
       AND (pulse.window_started_at > %(at)s - interval '1 minute'
            AND pulse.window_started_at < %(at)s + interval '1 minute'
            AND pulse.window_calls >= %(calls_per_minute)s::integer) IS NOT TRUE
       -- The second use of a new key revokes the older ones. If there are any, the ORM records the call.
       AND (caller.holds_newest_key
            AND pulse.newest_key_id = caller.key_id
            AND pulse.newest_key_uses = 1
            AND EXISTS (SELECT FROM sites_sitekey AS older
                         WHERE older.site_id = caller.site_id
                           AND older.id < caller.key_id
                           AND older.revoked_at IS NULL
                           AND older.expires_at > %(at)s)) IS NOT TRUE
 RETURNING pulse.site_id
),
history AS (
    INSERT INTO heartbeat_heartbeat
           (site_id, received_at, due_at, ip, version, uptime_seconds, licensed, locked)
    SELECT caller.site_id, %(at)s,
           %(at)s + make_interval(secs => caller.next_heartbeat_seconds),
           %(ip)s::inet, %(version)s::varchar, %(uptime_seconds)s::bigint, caller.licensed, caller.is_locked
      FROM caller
      JOIN updated_pulse ON updated_pulse.site_id = caller.site_id
)
SELECT updated_pulse.site_id IS NOT NULL AS is_recorded,
       -- The fields of `Reply`, in their order.
       caller.licensed,
       caller.is_locked,
       caller.lock_reason,
       caller.license_expires_at,
       %(at)s,
       caller.next_heartbeat_seconds
  FROM caller
  LEFT JOIN updated_pulse ON updated_pulse.site_id = caller.site_id
"""

# It is sent without comments and line breaks: psycopg parses a statement of up to 4,096 characters once, but a longer one
# at each call.
SENT_STATEMENT = " ".join(re.sub(r"--.*", "", RECORD_HEARTBEAT).split())
