-- What the role that runs Portcullis may do. Run it as the owner of the tables, after each `manage.py migrate`:
--
--     psql -v app=portcullis_app -f deploy/postgresql_grants.sql portcullis

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"app";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"app";
-- The audit only grows.
REVOKE UPDATE, DELETE ON audit_event, audit_checkpoint FROM :"app";
-- Except that contents can be erased: a trigger checks this update, and empties the event itself (audit/erasure.py).
GRANT UPDATE (erasure_id) ON audit_event TO :"app";
-- The schema is the owner's business.
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM :"app";
-- Only the owner backs up. A server that somebody has taken over must not report backups that do not exist.
REVOKE INSERT, UPDATE, DELETE ON backup_lastbackup FROM :"app";
