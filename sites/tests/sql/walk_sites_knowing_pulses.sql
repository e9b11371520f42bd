WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk", "sites_site"."name" AS "name" FROM "sites_site" WHERE "sites_site"."deregistered_at" IS NULL),
pulses AS NOT MATERIALIZED (SELECT "sites_sitepulse"."site_id" AS "pk", "sites_sitepulse"."last_seen_at" AS "last_seen_at" FROM "sites_sitepulse" WHERE ("sites_sitepulse"."due_at" < '2026-06-01 12:00:00+00:00'::timestamptz AND "sites_sitepulse"."due_at" >= '2026-06-01 11:00:00+00:00'::timestamptz))
SELECT (SELECT (SELECT count(*) FROM pulses)
             - (SELECT count(*) FROM pulses
                 WHERE pk = ANY (ARRAY(SELECT site_id FROM sites_site WHERE deregistered_at IS NOT NULL)))),
       ARRAY(SELECT pk FROM sites WHERE (pk IN (SELECT pk FROM pulses)) IS TRUE
              ORDER BY name COLLATE "und-x-icu" ASC, pk ASC LIMIT 50 OFFSET 100)
