WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk", "sites_site"."name" AS "name" FROM "sites_site" WHERE ("sites_site"."deregistered_at" IS NULL AND NOT "sites_site"."is_locked"))
SELECT (SELECT count(*) FROM sites),
       ARRAY(SELECT pk FROM sites ORDER BY name COLLATE "und-x-icu" ASC, pk ASC LIMIT 50 OFFSET 100)
