"""The one SQL statement that answers a heartbeat on PostgreSQL.

It authenticates the site, computes the reply, updates the site's pulse, stores the history row and holds the site to its
own limit, in one round trip. `heartbeat.services.record_with_orm` does the same in several steps, on SQLite and for the six
kinds of calls that this statement does not record: a call past the site's limit, the second use of a new key while older keys
are valid, a call with a key of a former pepper, a call that is recorded after a later one, a call of another run of the agent
than the last or with a number that is not higher, and a call of a site that holds a newer decision than this database.
heartbeat/tests/test_same_rules.py compares the two, and both with the querysets.
"""

import re

# It returns no row if the credentials are not valid, else whether it recorded the call, what a lease needs besides, and the
# fields of `Reply`. Where a value stands first it has a cast if psycopg does not send its exact type, as that of a text, an
# integer or a null.
RECORD_HEARTBEAT = """
WITH site AS (
    -- SiteQuerySet.live() and with_licensed()
    SELECT site_id, is_locked, lock_reason, license_expires_at, revision, overruled_revision,
           is_active AND license_expires_at > %(at)s AS licensed
      FROM sites_site
     WHERE site_id = %(site_id)s
       AND deregistered_at IS NULL
),
caller AS (
    SELECT site.*,
           key.id AS key_id,
           key.pepper,
           -- Whether it is the newest: a rotation sets expires_at of every older key.
           key.expires_at IS NULL AS newest_key,
           -- heartbeat.schedule.seconds_until_next_call(): a licence that ends before the usual next call
           -- makes the site call within the minute after its end.
           CASE WHEN site.licensed
                 AND site.license_expires_at < %(at)s + make_interval(secs => %(usual_seconds)s::integer)
                THEN greatest(
                         ceil(extract(epoch FROM site.license_expires_at - %(at)s))::integer
                         + %(after_end)s::integer,
                         %(shortest_seconds)s::integer)
                ELSE %(usual_seconds)s
           END AS next_seconds,
           -- The key that signs the lease.
           (SELECT kid FROM licensing_signingkey WHERE state = 'signing') AS kid
      FROM site
      JOIN sites_sitekey AS key ON key.site_id = site.site_id
     WHERE key.digest = %(digest)s::varchar
       -- SiteKeyQuerySet.live()
       AND key.revoked_at IS NULL
       AND (key.expires_at IS NULL OR key.expires_at > %(at)s)
),
updated_pulse AS (
    UPDATE sites_sitepulse AS pulse
       SET -- A column without a prefix is the pulse's.
           -- Calls are counted in windows of a minute. A window also holds a call that began a moment before
           -- the one that opened it, but not one after the clock was set back by a minute or more.
           window_started_at = CASE WHEN abs(extract(epoch FROM window_started_at - %(at)s)) < 60
                                    THEN window_started_at
                                    ELSE %(at)s END,
           window_calls = CASE WHEN abs(extract(epoch FROM window_started_at - %(at)s)) < 60
                               THEN window_calls + 1
                               ELSE 1 END,
           -- sites.call_rate.recent_calls_with_one_more()
           recent_calls = 1 + coalesce(recent_calls * exp(greatest(-100, least(0,
                              extract(epoch FROM last_seen_at - %(at)s)::float8 / 86400))), 0),
           -- The uses of the newest key are counted up to two. Uses of older keys are not counted.
           newest_key_id = CASE WHEN caller.newest_key THEN caller.key_id ELSE newest_key_id END,
           newest_key_uses = CASE WHEN NOT caller.newest_key THEN newest_key_uses
                                  WHEN newest_key_id = caller.key_id THEN 2
                                  ELSE 1 END,
           last_seen_at = %(at)s,
           last_seen_ip = %(ip)s::inet,
           version = %(version)s::varchar,
           uptime_seconds = %(uptime_seconds)s::bigint,
           due_at = %(at)s + make_interval(secs => caller.next_seconds),
           reply_licensed = caller.licensed,
           reply_locked = caller.is_locked,
           reply_locked_since = CASE WHEN caller.is_locked AND reply_locked
                                     THEN coalesce(reply_locked_since, %(at)s)
                                     WHEN caller.is_locked THEN %(at)s END,
           -- The parameter is null for a client that does not ask for a lease, and while no lease can be signed.
           lease_expires_at = CASE WHEN caller.kid IS NULL THEN lease_expires_at
                                   ELSE coalesce(%(lease_expires_at)s::timestamptz, lease_expires_at) END,
           lease_revision = CASE WHEN %(of_agent)s THEN greatest(caller.revision, lease_revision)
                                 ELSE lease_revision END,
           delivered_at = CASE WHEN lease_revision >= caller.revision OR NOT %(of_agent)s THEN delivered_at
                               ELSE %(delivered_at)s::timestamptz END,
           -- The parameters are null for a client that does not report what it has applied.
           applied_at = CASE WHEN applied_revision = %(applied_revision)s::bigint OR %(applied_revision)s IS NULL
                             THEN applied_at
                             ELSE %(at)s END,
           applied_revision = coalesce(%(applied_revision)s, applied_revision),
           applied_state = coalesce(%(applied_state)s::varchar, applied_state),
           held_revision = greatest(%(held_revision)s::bigint, held_revision),
           sequence = coalesce(%(sequence)s::bigint, sequence)
      FROM caller
     WHERE pulse.site_id = caller.site_id
       -- If the row of the key does not say yet that this is its pepper, the ORM records the call.
       AND caller.pepper = %(pepper)s::varchar
       -- PostgreSQL checks the conditions below again if it had to wait for another call of the same site.
       -- Past the limit nothing is written; the ORM then computes how long the site has to wait.
       AND (abs(extract(epoch FROM window_started_at - %(at)s)) < 60
            AND window_calls >= %(most_calls)s::integer) IS NOT TRUE
       -- The second use of a new key revokes the older ones. If there are any, the ORM records the call.
       AND (caller.newest_key
            AND newest_key_id = caller.key_id
            AND newest_key_uses = 1
            AND EXISTS (SELECT FROM sites_sitekey AS older
                         WHERE older.site_id = caller.site_id
                           AND older.id < caller.key_id
                           AND older.revoked_at IS NULL
                           AND older.expires_at > %(at)s)) IS NOT TRUE
       -- The ORM records a call that is recorded after a later one. A pulse that is further ahead was written by a
       -- clock that was wrong, and is overwritten.
       AND (last_seen_at > %(at)s AND last_seen_at <= %(newest_possible)s) IS NOT TRUE
       -- An agent's run that goes on. If another run called last, or this call came before, the ORM records it.
       AND (%(boot_id)s::uuid IS NULL
            OR (boot_id = %(boot_id)s
                AND instance_id = %(instance_id)s::uuid
                AND sequence < %(sequence)s))
       -- Site.holds_newer_decision: the ORM signs a lease that the agent refuses.
       AND (greatest(held_revision, %(held_revision)s)
            > greatest(lease_revision, caller.overruled_revision, 1)) IS NOT TRUE
 RETURNING pulse.*
),
updated_run AS (
    UPDATE heartbeat_agentrun AS run
       SET last_seen_at = %(at)s,
           ip = %(ip)s,
           version = %(version)s,
           sequence = %(sequence)s,
           heartbeats = run.heartbeats + 1
      FROM updated_pulse
     WHERE run.site_id = updated_pulse.site_id
       AND run.instance_id = %(instance_id)s
       AND run.boot_id = %(boot_id)s
),
history AS (
    INSERT INTO heartbeat_heartbeat
           (site_id, received_at, due_at, ip, version, uptime_seconds, licensed, locked)
    SELECT site_id, %(at)s, due_at, %(ip)s, %(version)s, %(uptime_seconds)s, reply_licensed, reply_locked
      FROM updated_pulse
)
SELECT updated_pulse.site_id IS NOT NULL, -- whether the call is recorded
       caller.revision,
       caller.kid,
       -- The fields of `Reply`, in their order.
       caller.licensed,
       caller.is_locked,
       caller.lock_reason,
       caller.license_expires_at,
       %(at)s,
       caller.next_seconds
  FROM caller
  LEFT JOIN updated_pulse ON updated_pulse.site_id = caller.site_id
"""

# It is sent without comments and needless spaces: psycopg parses a statement of up to 4,096 characters once, but a longer one
# at each call.
SENT_STATEMENT = re.sub(r"\s*([(),=<>*/+-])\s*", r"\1", " ".join(re.sub(r"--.*", "", RECORD_HEARTBEAT).split()))
