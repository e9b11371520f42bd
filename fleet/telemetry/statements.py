"""The SQL statements of `fleet.telemetry` on PostgreSQL. What they store and compute, the ORM does on SQLite.

fleet/telemetry/tests compares both with brute force.
"""

# Stores the samples of a device that it does not have yet, and returns their number. They are given by time, so that two
# calls at once do not wait for each other in a circle; of two for one moment the first stays.
STORE_SAMPLES = """
WITH stored AS (
    INSERT INTO telemetry_healthsample
           (device_id, at, cpu_usage_percent, memory_used_mb, memory_total_mb, temperature_celsius, disk_used_percent)
    SELECT %(device_id)s::uuid, given.*
      FROM unnest(%(at)s::timestamptz[],
                  %(cpu_usage_percent)s::float8[],
                  %(memory_used_mb)s::float8[],
                  %(memory_total_mb)s::float8[],
                  %(temperature_celsius)s::float8[],
                  %(disk_used_percent)s::float8[]) AS given
        ON CONFLICT DO NOTHING
 RETURNING at
),
marked AS (
    INSERT INTO telemetry_markedhour (kind, hour, device_id, day, marked_at)
    SELECT DISTINCT 'health',
                    date_trunc('hour', at, 'UTC') AS hour,
                    %(device_id)s::uuid,
                    date_trunc('day', at, 'UTC'),
                    %(now)s::timestamptz
      FROM stored
     ORDER BY hour
        -- Locks a mark that is there and writes nothing: the job that computes the hour waits until the samples are
        -- committed, or passes over the mark.
        ON CONFLICT (kind, hour, device_id) DO UPDATE SET marked_at = excluded.marked_at WHERE false
)
SELECT count(*) FROM stored
"""

# Stores periods of a device, which do not overlap: the caller holds the lock.
STORE_PERIODS = """
WITH stored AS (
    INSERT INTO telemetry_telemetryperiod (device_id, period_start, period_end, metrics)
    SELECT %(device_id)s::uuid, given.*
      FROM unnest(%(period_start)s::timestamptz[],
                  %(period_end)s::timestamptz[],
                  %(metrics)s::jsonb[]) AS given
        ON CONFLICT DO NOTHING
 RETURNING period_start
),
marked AS (
    INSERT INTO telemetry_markedhour (kind, hour, device_id, day, marked_at)
    SELECT DISTINCT 'telemetry',
                    date_trunc('hour', period_start, 'UTC') AS hour,
                    %(device_id)s::uuid,
                    date_trunc('day', period_start, 'UTC'),
                    %(now)s::timestamptz
      FROM stored
     ORDER BY hour
        ON CONFLICT (kind, hour, device_id) DO UPDATE SET marked_at = excluded.marked_at WHERE false
)
SELECT count(*) FROM stored
"""

# The periods of one device are checked and stored by one transaction at a time. Not a lock on the device's row, which would
# write to it.
LOCK_PERIODS = "SELECT pg_advisory_xact_lock(20261130, hashtext(%s))"

# For each given period the last stored one that starts before its end. Since stored periods do not overlap each other, no
# other one can overlap the given one if this one does not.
LAST_PERIODS = """
SELECT stored.period_start, stored.period_end
  FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS given (period_start, period_end)
 CROSS JOIN LATERAL (
           SELECT period.period_start, period.period_end
             FROM telemetry_telemetryperiod AS period
            WHERE period.device_id = %(device_id)s
              AND period.period_start < given.period_end
              -- Known when the statement is planned, so that it reads the partitions of these days only.
              AND period.period_start > %(first)s
              AND period.period_start < %(last)s
            ORDER BY period.period_start DESC
            LIMIT 1
       ) AS stored
"""

# Deletes the oldest marks, and returns them. One that a call holds at this moment is left for the next time.
TAKE_MARKS = """
WITH taken AS (
    SELECT kind, hour, device_id
      FROM telemetry_markedhour
     WHERE kind = %(kind)s
       AND hour < %(before)s
     ORDER BY hour, device_id
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
DELETE FROM telemetry_markedhour AS marked
 USING taken
 WHERE marked.kind = taken.kind
   AND marked.hour = taken.hour
   AND marked.device_id = taken.device_id
RETURNING marked.device_id, marked.hour
"""

# The samples of given hours of devices. Sums of numeric values do not depend on the order.
HEALTH_HOURS = """
SELECT marked.device_id, marked.hour, summed.*
  FROM unnest(%(devices)s::uuid[], %(hours)s::timestamptz[]) AS marked (device_id, hour)
       -- One search in the index for each: PostgreSQL must not choose to read all samples of these days instead.
 CROSS JOIN LATERAL (
           SELECT count(*) AS samples,
                  min(cpu_usage_percent), sum(cpu_usage_percent::numeric)::float8, max(cpu_usage_percent),
                  min(memory_used_mb), sum(memory_used_mb::numeric)::float8, max(memory_used_mb),
                  min(memory_total_mb), sum(memory_total_mb::numeric)::float8, max(memory_total_mb),
                  count(temperature_celsius),
                  min(temperature_celsius), sum(temperature_celsius::numeric)::float8, max(temperature_celsius),
                  count(disk_used_percent),
                  min(disk_used_percent), sum(disk_used_percent::numeric)::float8, max(disk_used_percent)
             FROM telemetry_healthsample AS sample
            WHERE sample.device_id = marked.device_id
              AND sample.at >= marked.hour
              AND sample.at < marked.hour + interval '1 hour'
              -- Known when the statement is planned, so that it reads the partitions of these days only.
              AND sample.at >= %(first)s
              AND sample.at < %(last)s
       ) AS summed
 WHERE summed.samples > 0
"""

# The periods that start in given hours of devices.
PERIODS_OF_HOURS = """
SELECT marked.device_id, marked.hour, period.period_start, period.period_end, period.metrics
  FROM unnest(%(devices)s::uuid[], %(hours)s::timestamptz[]) AS marked (device_id, hour)
 CROSS JOIN LATERAL (
           SELECT period_start, period_end, metrics
             FROM telemetry_telemetryperiod AS period
            WHERE period.device_id = marked.device_id
              AND period.period_start >= marked.hour
              AND period.period_start < marked.hour + interval '1 hour'
              AND period.period_start >= %(first)s
              AND period.period_start < %(last)s
           OFFSET 0 -- as above
       ) AS period
"""

# The samples of devices by day, all devices together: from the days that are computed, else from the hours that are, else from
# the samples. One statement, so that nothing is counted twice if an hour is computed at the same time.
HEALTH_BY_DAY = """
WITH marked AS MATERIALIZED (
    SELECT device_id, hour, day
      FROM telemetry_markedhour
     WHERE kind = 'health'
       AND device_id = ANY(%(devices)s::uuid[])
       AND day >= %(first)s
       AND day < %(last)s
),
marked_day AS MATERIALIZED (
    SELECT DISTINCT device_id, day FROM marked
),
part AS (
    SELECT at AS day,
           samples, cpu_usage_percent_min, cpu_usage_percent_sum, cpu_usage_percent_max,
           memory_used_mb_min, memory_used_mb_sum, memory_used_mb_max,
           memory_total_mb_min, memory_total_mb_sum, memory_total_mb_max,
           temperature_celsius_samples, temperature_celsius_min, temperature_celsius_sum, temperature_celsius_max,
           disk_used_percent_samples, disk_used_percent_min, disk_used_percent_sum, disk_used_percent_max
      FROM telemetry_healthday AS computed
     WHERE device_id = ANY(%(devices)s::uuid[])
       AND at >= %(first)s
       AND at < %(last)s
       AND NOT EXISTS (SELECT FROM marked_day
                        WHERE marked_day.device_id = computed.device_id
                          AND marked_day.day = computed.at)
 UNION ALL
    SELECT marked_day.day,
           samples, cpu_usage_percent_min, cpu_usage_percent_sum, cpu_usage_percent_max,
           memory_used_mb_min, memory_used_mb_sum, memory_used_mb_max,
           memory_total_mb_min, memory_total_mb_sum, memory_total_mb_max,
           temperature_celsius_samples, temperature_celsius_min, temperature_celsius_sum, temperature_celsius_max,
           disk_used_percent_samples, disk_used_percent_min, disk_used_percent_sum, disk_used_percent_max
      FROM marked_day
      JOIN telemetry_healthhour AS computed
        ON computed.device_id = marked_day.device_id
       AND computed.at >= marked_day.day
       AND computed.at < marked_day.day + interval '1 day'
     WHERE NOT EXISTS (SELECT FROM marked
                        WHERE marked.device_id = computed.device_id
                          AND marked.hour = computed.at)
 UNION ALL
    SELECT marked.day,
           1, cpu_usage_percent, cpu_usage_percent, cpu_usage_percent,
           memory_used_mb, memory_used_mb, memory_used_mb,
           memory_total_mb, memory_total_mb, memory_total_mb,
           (temperature_celsius IS NOT NULL)::integer, temperature_celsius, temperature_celsius, temperature_celsius,
           (disk_used_percent IS NOT NULL)::integer, disk_used_percent, disk_used_percent, disk_used_percent
      FROM marked
     CROSS JOIN LATERAL (
               SELECT *
                 FROM telemetry_healthsample AS sample
                WHERE sample.device_id = marked.device_id
                  AND sample.at >= marked.hour
                  AND sample.at < marked.hour + interval '1 hour'
                  AND sample.at >= %(first)s
                  AND sample.at < %(last)s
               OFFSET 0 -- as above
           ) AS sample
)
SELECT day,
       sum(samples), min(cpu_usage_percent_min), sum(cpu_usage_percent_sum), max(cpu_usage_percent_max),
       sum(samples), min(memory_used_mb_min), sum(memory_used_mb_sum), max(memory_used_mb_max),
       sum(samples), min(memory_total_mb_min), sum(memory_total_mb_sum), max(memory_total_mb_max),
       sum(temperature_celsius_samples),
       min(temperature_celsius_min), sum(temperature_celsius_sum), max(temperature_celsius_max),
       sum(disk_used_percent_samples),
       min(disk_used_percent_min), sum(disk_used_percent_sum), max(disk_used_percent_max)
  FROM part
 GROUP BY day
 ORDER BY day
"""

# The metrics of devices by day, all devices together, in the same way.
TELEMETRY_BY_DAY = """
WITH marked AS MATERIALIZED (
    SELECT device_id, hour, day
      FROM telemetry_markedhour
     WHERE kind = 'telemetry'
       AND device_id = ANY(%(devices)s::uuid[])
       AND day >= %(first)s
       AND day < %(last)s
),
marked_day AS MATERIALIZED (
    SELECT DISTINCT device_id, day FROM marked
),
bucket AS (
    SELECT at AS day, totals, averages
      FROM telemetry_telemetryday AS computed
     WHERE device_id = ANY(%(devices)s::uuid[])
       AND at >= %(first)s
       AND at < %(last)s
       AND NOT EXISTS (SELECT FROM marked_day
                        WHERE marked_day.device_id = computed.device_id
                          AND marked_day.day = computed.at)
 UNION ALL
    SELECT marked_day.day, totals, averages
      FROM marked_day
      JOIN telemetry_telemetryhour AS computed
        ON computed.device_id = marked_day.device_id
       AND computed.at >= marked_day.day
       AND computed.at < marked_day.day + interval '1 day'
     WHERE NOT EXISTS (SELECT FROM marked
                        WHERE marked.device_id = computed.device_id
                          AND marked.hour = computed.at)
),
part AS (
    SELECT day, key AS name, value::numeric AS total, NULL::numeric AS weighted, NULL::numeric AS seconds
      FROM bucket, jsonb_each(totals)
 UNION ALL
    SELECT day, key, NULL, (value -> 0)::numeric, (value -> 1)::numeric
      FROM bucket, jsonb_each(averages)
 UNION ALL
    SELECT marked.day,
           key,
           CASE WHEN starts_with(key, 'total_') THEN value::numeric END,
           CASE WHEN NOT starts_with(key, 'total_')
                THEN value::numeric * extract(epoch FROM period.period_end - period.period_start) END,
           CASE WHEN NOT starts_with(key, 'total_')
                THEN extract(epoch FROM period.period_end - period.period_start) END
      FROM marked
     CROSS JOIN LATERAL (
               SELECT *
                 FROM telemetry_telemetryperiod AS period
                WHERE period.device_id = marked.device_id
                  AND period.period_start >= marked.hour
                  AND period.period_start < marked.hour + interval '1 hour'
                  AND period.period_start >= %(first)s
                  AND period.period_start < %(last)s
               OFFSET 0 -- as above
           ) AS period
     CROSS JOIN jsonb_each(period.metrics)
)
SELECT day, name, sum(total)::float8, sum(weighted)::float8, sum(seconds)::float8
  FROM part
 GROUP BY day, name
 ORDER BY day, name
"""
