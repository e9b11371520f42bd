WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk", "sites_site"."name" AS "name", "sites_site"."is_locked" AS "is_locked", "sites_site"."is_active" AS "is_active", "sites_site"."license_expires_at" AS "license_expires_at" FROM "sites_site" WHERE "sites_site"."deregistered_at" IS NULL),
pulses AS NOT MATERIALIZED (SELECT "sites_sitepulse"."site_id" AS "pk", "sites_sitepulse"."due_at" AS "due_at" FROM "sites_sitepulse" WHERE ("sites_sitepulse"."due_at" < '2026-06-01 12:00:00+00:00'::timestamptz AND "sites_sitepulse"."due_at" >= '2026-06-01 11:00:00+00:00'::timestamptz)),
found AS MATERIALIZED (SELECT pk, due_at FROM pulses
         WHERE NOT EXISTS (SELECT FROM sites_site WHERE site_id = pk AND deregistered_at IS NOT NULL) LIMIT 6000 + 1),
size AS (SELECT count(*) AS total FROM found),
ranked AS NOT MATERIALIZED (
    SELECT sites.pk, sites.name, pulse.due_at,
           CASE WHEN sites.is_locked THEN 2
                WHEN NOT sites.is_active OR sites.license_expires_at <= '2026-06-01 12:00:00+00:00'::timestamptz THEN 3
                WHEN pulse.due_at IS NULL THEN 4
                WHEN pulse.due_at >= '2026-06-01 12:00:00+00:00'::timestamptz THEN 5
                ELSE 0  -- late or offline: the longer overdue, the earlier
           END AS triage
      FROM sites
      JOIN sites_sitepulse AS pulse ON pulse.site_id = sites.pk
     WHERE sites.pk = ANY (ARRAY(SELECT pk FROM found))
)
SELECT total,
       CASE WHEN total <= 6000 THEN
           ARRAY(SELECT pk FROM ranked
                  ORDER BY triage ASC,
                           CASE WHEN triage = 0 THEN due_at END ASC,
                           CASE WHEN triage > 0 THEN name COLLATE "und-x-icu" END ASC,
                           pk ASC
                  LIMIT 50 OFFSET 0)
       END
  FROM size
