-- Two roles for Portcullis on PostgreSQL: one owns the tables and migrates them, the other runs the product.
-- The second one can neither change nor delete what the audit has recorded, nor switch off the triggers that refuse it.
--
-- Run it as a superuser in the product's database, before the first `manage.py migrate`:
--
--     psql -v owner=portcullis_owner -v app=portcullis_app -f deploy/postgresql_roles.sql portcullis
--
-- Then set the passwords with \password. Migrate with the owner's DATABASE_URL, run everything else with the other one's, and
-- run the second file, deploy/postgresql_grants.sql, as the owner after each migration.

CREATE ROLE :"owner" LOGIN;
CREATE ROLE :"app" LOGIN;
-- For the extension pg_trgm, with which the search has an index.
GRANT CREATE ON DATABASE :"DBNAME" TO :"owner";
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"app";
-- The product needs no temporary tables, which could hide the real ones from a function.
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
