WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk" FROM "sites_site" WHERE ("sites_site"."deregistered_at" IS NULL AND "sites_site"."is_locked")),
pulses AS NOT MATERIALIZED (SELECT "sites_sitepulse"."site_id" AS "pk", "sites_sitepulse"."last_seen_at" AS "last_seen_at" FROM "sites_sitepulse" WHERE ("sites_sitepulse"."due_at" < '2026-06-01 12:00:00+00:00'::timestamptz AND "sites_sitepulse"."due_at" >= '2026-06-01 11:00:00+00:00'::timestamptz)),
found AS MATERIALIZED (SELECT pk, last_seen_at FROM pulses JOIN sites USING (pk) LIMIT 3000 + 1),
size AS (SELECT count(*) AS total FROM found)
SELECT total,
       CASE WHEN total <= 3000 THEN
           ARRAY(SELECT pk FROM found
                  ORDER BY last_seen_at ASC NULLS LAST, pk ASC LIMIT 50 OFFSET 100)
       END
  FROM size
