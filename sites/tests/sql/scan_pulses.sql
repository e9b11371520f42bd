WITH sites AS NOT MATERIALIZED (SELECT "sites_site"."site_id" AS "pk" FROM "sites_site" WHERE "sites_site"."deregistered_at" IS NULL),
pulses AS NOT MATERIALIZED (SELECT "sites_sitepulse"."site_id" AS "pk", "sites_sitepulse"."last_seen_at" AS "last_seen_at" FROM "sites_sitepulse")
SELECT (SELECT count(*) FROM sites),
       ARRAY(SELECT pk FROM (SELECT pk, last_seen_at FROM pulses
         WHERE NOT EXISTS (SELECT FROM sites_site WHERE site_id = pk AND deregistered_at IS NOT NULL)) AS matching
              WHERE (last_seen_at >= (SELECT last_seen_at FROM (SELECT pk, last_seen_at FROM pulses
         WHERE NOT EXISTS (SELECT FROM sites_site WHERE site_id = pk AND deregistered_at IS NOT NULL) LIMIT 5000) AS sample
                                        ORDER BY last_seen_at DESC NULLS LAST
                                       OFFSET 100 + 50 - 1 LIMIT 1)) IS NOT FALSE
              ORDER BY last_seen_at DESC NULLS LAST, pk DESC LIMIT 50 OFFSET 100)
