WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk", "sites_site"."name" AS "name" FROM "sites_site" WHERE "sites_site"."deregistered_at" IS NULL),
pulses AS NOT MATERIALIZED (SELECT "sites_sitepulse"."site_id" AS "pk", "sites_sitepulse"."last_seen_at" AS "last_seen_at" FROM "sites_sitepulse" WHERE ("sites_sitepulse"."due_at" < '2026-06-01 12:00:00+00:00'::timestamptz AND "sites_sitepulse"."due_at" >= '2026-06-01 11:00:00+00:00'::timestamptz)),
live AS NOT MATERIALIZED (SELECT site_id AS pk, name FROM sites_site WHERE deregistered_at IS NULL),
found AS MATERIALIZED (SELECT pk, last_seen_at FROM pulses
         WHERE NOT EXISTS (SELECT FROM sites_site WHERE site_id = pk AND deregistered_at IS NOT NULL) LIMIT 3000 + 1),
size AS (SELECT count(*) AS total FROM found)
SELECT total,
       CASE WHEN total <= 500 THEN
           ARRAY(SELECT pk FROM live WHERE pk = ANY (ARRAY(SELECT pk FROM found))
                  ORDER BY name COLLATE "und-x-icu" ASC, pk ASC LIMIT 50 OFFSET 100)
            WHEN total <= 3000 THEN
           ARRAY(SELECT pk FROM live WHERE (pk IN (SELECT pk FROM found)) IS TRUE
                  ORDER BY name COLLATE "und-x-icu" ASC, pk ASC LIMIT 50 OFFSET 100)
       END
  FROM size
