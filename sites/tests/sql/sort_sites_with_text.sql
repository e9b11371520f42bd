WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk", "sites_site"."name" AS "name" FROM "sites_site" WHERE ("sites_site"."deregistered_at" IS NULL AND "sites_site"."search_text"::text LIKE '%roma%')),
found AS MATERIALIZED (SELECT pk, name FROM sites LIMIT 3000 + 1),
size AS (SELECT count(*) AS total FROM found)
SELECT total,
       CASE WHEN total <= 3000 THEN
           ARRAY(SELECT pk FROM found ORDER BY name COLLATE "und-x-icu" ASC, pk ASC LIMIT 50 OFFSET 100)
       END
  FROM size
