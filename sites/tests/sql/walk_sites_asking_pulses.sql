WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk", "sites_site"."license_expires_at" AS "license_expires_at" FROM "sites_site" WHERE ("sites_site"."deregistered_at" IS NULL AND "sites_site"."license_expires_at" < '2026-07-01 12:00:00+00:00'::timestamptz)),
pulses AS NOT MATERIALIZED (SELECT "sites_sitepulse"."site_id" AS "pk", "sites_sitepulse"."last_seen_at" AS "last_seen_at" FROM "sites_sitepulse" WHERE ("sites_sitepulse"."due_at" < '2026-06-01 12:00:00+00:00'::timestamptz AND "sites_sitepulse"."due_at" >= '2026-06-01 11:00:00+00:00'::timestamptz))
SELECT (SELECT count(*) FROM pulses JOIN sites USING (pk)),
       ARRAY(SELECT pk FROM sites WHERE (SELECT true FROM pulses WHERE pulses.pk = sites.pk)
              ORDER BY license_expires_at DESC, pk DESC LIMIT 50 OFFSET 100)
