WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk", "sites_site"."name" AS "name", "sites_site"."is_locked" AS "is_locked", "sites_site"."is_active" AS "is_active", "sites_site"."license_expires_at" AS "license_expires_at" FROM "sites_site" WHERE "sites_site"."deregistered_at" IS NULL),
pulses AS NOT MATERIALIZED (SELECT "sites_sitepulse"."site_id" AS "pk", "sites_sitepulse"."due_at" AS "due_at" FROM "sites_sitepulse" WHERE ("sites_sitepulse"."due_at" < '2026-06-01 12:00:00+00:00'::timestamptz AND "sites_sitepulse"."due_at" >= '2026-06-01 11:00:00+00:00'::timestamptz)),
scanned AS MATERIALIZED (
    SELECT count(*) AS total,
           array_agg(pk) FILTER (WHERE (due_at >= '2026-06-01 12:00:00+00:00'::timestamptz) IS NOT TRUE) AS pks,
           array_agg(due_at) FILTER (WHERE (due_at >= '2026-06-01 12:00:00+00:00'::timestamptz) IS NOT TRUE) AS dues
      FROM (SELECT pk, due_at FROM pulses) AS scanned
),
silent AS MATERIALIZED (
    SELECT pk, due_at FROM scanned, unnest(pks, dues) AS silent (pk, due_at)
),
with_problem AS MATERIALIZED (
    SELECT pk FROM silent
     UNION ALL
    SELECT unnest(ARRAY(SELECT pk FROM sites WHERE is_locked
                         UNION ALL SELECT pk FROM sites WHERE NOT is_active
                         UNION ALL SELECT pk FROM sites WHERE license_expires_at <= '2026-06-01 12:00:00+00:00'::timestamptz))
),
size AS MATERIALIZED (SELECT (SELECT scanned.total FROM scanned)
             - (SELECT count(*) FROM pulses
                 WHERE pk = ANY (ARRAY(SELECT site_id FROM sites_site WHERE deregistered_at IS NOT NULL))) AS total),
part_1 AS MATERIALIZED (
    SELECT ARRAY(SELECT pk FROM (
        SELECT pk
          FROM sites
         WHERE (pk IN (SELECT pk FROM with_problem)) IS NOT TRUE
           AND (SELECT true FROM pulses WHERE pulses.pk = sites.pk)
         ORDER BY name COLLATE "und-x-icu" DESC, pk DESC LIMIT 50) AS next LIMIT least(total, 50)) AS ids FROM size
),
part_2 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM (
        SELECT pk
          FROM sites
         WHERE pk = ANY (ARRAY(SELECT pk FROM silent WHERE due_at IS NULL))
           AND is_active AND license_expires_at > '2026-06-01 12:00:00+00:00'::timestamptz AND NOT is_locked
         ORDER BY name COLLATE "und-x-icu" DESC, pk DESC LIMIT 50) AS next LIMIT least(total, 50) - cardinality(ids)) AS ids
      FROM size, part_1
),
part_3 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM (
        SELECT pk
          FROM (SELECT pk, name FROM sites WHERE NOT is_locked AND (NOT is_active OR license_expires_at <= '2026-06-01 12:00:00+00:00'::timestamptz)
                 ORDER BY name COLLATE "und-x-icu" DESC, pk DESC OFFSET 0) AS sites
         WHERE (SELECT true FROM pulses WHERE pulses.pk = sites.pk)
         ORDER BY name COLLATE "und-x-icu" DESC, pk DESC LIMIT 50) AS next LIMIT least(total, 50) - cardinality(ids)) AS ids
      FROM size, part_2
),
part_4 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM (
        SELECT pk
          FROM (SELECT pk, name FROM sites WHERE is_locked
                 ORDER BY name COLLATE "und-x-icu" DESC, pk DESC OFFSET 0) AS sites
         WHERE (SELECT true FROM pulses WHERE pulses.pk = sites.pk)
         ORDER BY name COLLATE "und-x-icu" DESC, pk DESC LIMIT 50) AS next LIMIT least(total, 50) - cardinality(ids)) AS ids
      FROM size, part_3
),
part_5 AS MATERIALIZED (
    SELECT ids || ARRAY(SELECT pk FROM (
        SELECT pk
          FROM (SELECT pk, due_at FROM silent WHERE due_at IS NOT NULL
                 ORDER BY due_at DESC, pk DESC) AS overdue
         WHERE (SELECT true FROM sites
                 WHERE sites.pk = overdue.pk AND is_active AND license_expires_at > '2026-06-01 12:00:00+00:00'::timestamptz AND NOT is_locked)
         ORDER BY due_at DESC, pk DESC LIMIT 50) AS next LIMIT least(total, 50) - cardinality(ids)) AS ids
      FROM size, part_4
)
SELECT total, ids[0 + 1:50] FROM size, part_5
