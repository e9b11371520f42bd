"""The triggers that make the audit's tables append-only, on each database.

`CREATE` to `DROP_ALL` are what the migrations up to 0003 ran. Since 0004 an event's contents can be erased, since 0005 also
those of events about devices and roll-outs; since 0006 events have the name of a token.
`…_CURRENT` is what the tables have now.
"""

POSTGRESQL_CREATE = [
    """CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()""",
    """CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()""",
]
POSTGRESQL_DROP = [
    "DROP TRIGGER audit_event_no_truncate ON audit_event",
    "DROP TRIGGER audit_event_append_only ON audit_event",
    "DROP FUNCTION audit_event_refuse()",
]
SQLITE_CREATE = [
    # REPLACE deletes without firing the delete trigger.
    """CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON audit_event
    WHEN EXISTS (SELECT 1 FROM audit_event WHERE sequence = NEW.sequence OR id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
    """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
    """CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
]
SQLITE_DROP = [
    "DROP TRIGGER audit_event_no_replace",
    "DROP TRIGGER audit_event_no_update",
    "DROP TRIGGER audit_event_no_delete",
]

CREATE = {"postgresql": POSTGRESQL_CREATE, "sqlite": SQLITE_CREATE}
DROP = {"postgresql": POSTGRESQL_DROP, "sqlite": SQLITE_DROP}

# Of `audit_checkpoint`. On PostgreSQL they use the function of the events' triggers.
CREATE_FOR_CHECKPOINTS = {
    "postgresql": [
        """CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE ON audit_checkpoint
        FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()""",
        """CREATE TRIGGER audit_checkpoint_no_truncate BEFORE TRUNCATE ON audit_checkpoint
        FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse()""",
    ],
    "sqlite": [
        """CREATE TRIGGER audit_checkpoint_no_replace BEFORE INSERT ON audit_checkpoint
        WHEN EXISTS (SELECT 1 FROM audit_checkpoint WHERE id = NEW.id OR last_sequence = NEW.last_sequence)
        BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
        """CREATE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint
        BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
        """CREATE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint
        BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
    ],
}
DROP_FOR_CHECKPOINTS = {
    "postgresql": [
        "DROP TRIGGER audit_checkpoint_no_truncate ON audit_checkpoint",
        "DROP TRIGGER audit_checkpoint_append_only ON audit_checkpoint",
    ],
    "sqlite": [
        "DROP TRIGGER audit_checkpoint_no_replace",
        "DROP TRIGGER audit_checkpoint_no_update",
        "DROP TRIGGER audit_checkpoint_no_delete",
    ],
}

CREATE_ALL = {vendor: [*CREATE[vendor], *CREATE_FOR_CHECKPOINTS[vendor]] for vendor in CREATE}
DROP_ALL = {vendor: [*DROP_FOR_CHECKPOINTS[vendor], *DROP[vendor]] for vendor in DROP}

# The only change of an event is its erasure: `erasure_id` is set to a later `site.erased` about the same site that lists this
# one with its hash, and the trigger itself empties the contents (audit.erasure). An export is about no single site. The address
# is that of a site if no admin acted.
POSTGRESQL_ERASURE = [
    "DROP TRIGGER audit_event_append_only ON audit_event",
    """CREATE TRIGGER audit_event_append_only BEFORE DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()""",
    """CREATE FUNCTION audit_event_erase() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.erasure_id IS NULL
            AND to_jsonb(NEW) - 'erasure_id' = to_jsonb(OLD) - 'erasure_id'
            AND EXISTS (
                SELECT 1 FROM audit_event AS erasure
                WHERE erasure.sequence = NEW.erasure_id AND erasure.sequence > OLD.sequence
                    AND erasure.action = 'site.erased'
                    AND (
                        OLD.action = 'site_list.exported'
                        OR erasure.subject_type = OLD.subject_type AND erasure.subject_id = OLD.subject_id
                    )
                    AND erasure.changes #>> ARRAY['erased_events', '1', OLD.sequence::text, '0'] = OLD.hash
            )
        THEN
            NEW.subject_name := '[erased]';
            NEW.reason := NULL;
            NEW.changes := '{}';
            NEW.salt := '';
            IF OLD.actor_id IS NULL THEN NEW.ip := NULL; END IF;
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$""",
    # A temporary table of the same name would otherwise come first.
    """DO $$ BEGIN
        EXECUTE 'ALTER FUNCTION audit_event_erase() SET search_path = ' || quote_ident(current_schema()) || ', pg_temp';
    END $$""",
    """CREATE TRIGGER audit_event_only_erased BEFORE UPDATE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_erase()""",
]
POSTGRESQL_NO_ERASURE = [
    "DROP TRIGGER audit_event_only_erased ON audit_event",
    "DROP FUNCTION audit_event_erase()",
    "DROP TRIGGER audit_event_append_only ON audit_event",
    POSTGRESQL_CREATE[1],
]
# A trigger of SQLite cannot change the new row. So a second one empties it, and the first lets that update pass, too.
SQLITE_ERASURE = [
    "DROP TRIGGER audit_event_no_update",
    """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
    WHEN NOT (
        NEW.sequence IS OLD.sequence AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.action IS OLD.action
        AND NEW.subject_type IS OLD.subject_type AND NEW.subject_id IS OLD.subject_id
        AND NEW.actor_id IS OLD.actor_id AND NEW.actor_name IS OLD.actor_name AND NEW.role IS OLD.role
        AND NEW.source IS OLD.source AND NEW.request_id IS OLD.request_id
        AND NEW.previous_hash IS OLD.previous_hash AND NEW.hash IS OLD.hash
        AND (
            -- It is marked as erased.
            OLD.erasure_id IS NULL
            AND NEW.subject_name IS OLD.subject_name AND NEW.reason IS OLD.reason AND NEW.changes IS OLD.changes
            AND NEW.salt IS OLD.salt AND NEW.ip IS OLD.ip
            AND EXISTS (
                SELECT 1 FROM audit_event AS erasure
                WHERE erasure.sequence = NEW.erasure_id AND erasure.sequence > OLD.sequence
                    AND erasure.action = 'site.erased'
                    AND (
                        OLD.action = 'site_list.exported'
                        OR erasure.subject_type = OLD.subject_type AND erasure.subject_id = OLD.subject_id
                    )
                    AND json_extract(erasure.changes, '$.erased_events[1]."' || OLD.sequence || '"[0]') = OLD.hash
            )
            -- It is emptied by the other trigger.
            OR OLD.erasure_id IS NOT NULL AND NEW.erasure_id IS OLD.erasure_id
            AND NEW.subject_name = '[erased]' AND NEW.reason IS NULL AND NEW.changes = '{}' AND NEW.salt = ''
            AND NEW.ip IS (CASE WHEN OLD.actor_id IS NULL THEN NULL ELSE OLD.ip END)
        )
    )
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
    """CREATE TRIGGER audit_event_only_erased AFTER UPDATE OF erasure_id ON audit_event
    BEGIN
        UPDATE audit_event
        SET subject_name = '[erased]', reason = NULL, changes = '{}', salt = '',
            ip = CASE WHEN actor_id IS NULL THEN NULL ELSE ip END
        WHERE sequence = NEW.sequence;
    END""",
]
SQLITE_NO_ERASURE = [
    "DROP TRIGGER audit_event_only_erased",
    "DROP TRIGGER audit_event_no_update",
    SQLITE_CREATE[1],
]

ALLOW_ERASURE = {"postgresql": POSTGRESQL_ERASURE, "sqlite": SQLITE_ERASURE}
FORBID_ERASURE = {"postgresql": POSTGRESQL_NO_ERASURE, "sqlite": SQLITE_NO_ERASURE}

# Since 0005 also events about devices and roll-outs of firmware, by the erasure of any site: the log does not know which site
# a device belongs to. Otherwise as above.
POSTGRESQL_ERASURE_OF_FLEET = [
    *POSTGRESQL_ERASURE[:2],
    """CREATE FUNCTION audit_event_erase() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.erasure_id IS NULL
            AND to_jsonb(NEW) - 'erasure_id' = to_jsonb(OLD) - 'erasure_id'
            AND EXISTS (
                SELECT 1 FROM audit_event AS erasure
                WHERE erasure.sequence = NEW.erasure_id AND erasure.sequence > OLD.sequence
                    AND erasure.action = 'site.erased'
                    AND (
                        OLD.action = 'site_list.exported'
                        OR OLD.subject_type IN ('device', 'rollout')
                        OR erasure.subject_type = OLD.subject_type AND erasure.subject_id = OLD.subject_id
                    )
                    AND erasure.changes #>> ARRAY['erased_events', '1', OLD.sequence::text, '0'] = OLD.hash
            )
        THEN
            NEW.subject_name := '[erased]';
            NEW.reason := NULL;
            NEW.changes := '{}';
            NEW.salt := '';
            IF OLD.actor_id IS NULL THEN NEW.ip := NULL; END IF;
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$""",
    *POSTGRESQL_ERASURE[3:],
]
SQLITE_ERASURE_OF_FLEET = [
    SQLITE_ERASURE[0],
    """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
    WHEN NOT (
        NEW.sequence IS OLD.sequence AND NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.action IS OLD.action
        AND NEW.subject_type IS OLD.subject_type AND NEW.subject_id IS OLD.subject_id
        AND NEW.actor_id IS OLD.actor_id AND NEW.actor_name IS OLD.actor_name AND NEW.role IS OLD.role
        AND NEW.source IS OLD.source AND NEW.request_id IS OLD.request_id
        AND NEW.previous_hash IS OLD.previous_hash AND NEW.hash IS OLD.hash
        AND (
            -- It is marked as erased.
            OLD.erasure_id IS NULL
            AND NEW.subject_name IS OLD.subject_name AND NEW.reason IS OLD.reason AND NEW.changes IS OLD.changes
            AND NEW.salt IS OLD.salt AND NEW.ip IS OLD.ip
            AND EXISTS (
                SELECT 1 FROM audit_event AS erasure
                WHERE erasure.sequence = NEW.erasure_id AND erasure.sequence > OLD.sequence
                    AND erasure.action = 'site.erased'
                    AND (
                        OLD.action = 'site_list.exported'
                        OR OLD.subject_type IN ('device', 'rollout')
                        OR erasure.subject_type = OLD.subject_type AND erasure.subject_id = OLD.subject_id
                    )
                    AND json_extract(erasure.changes, '$.erased_events[1]."' || OLD.sequence || '"[0]') = OLD.hash
            )
            -- It is emptied by the other trigger.
            OR OLD.erasure_id IS NOT NULL AND NEW.erasure_id IS OLD.erasure_id
            AND NEW.subject_name = '[erased]' AND NEW.reason IS NULL AND NEW.changes = '{}' AND NEW.salt = ''
            AND NEW.ip IS (CASE WHEN OLD.actor_id IS NULL THEN NULL ELSE OLD.ip END)
        )
    )
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END""",
    SQLITE_ERASURE[2],
]
ALLOW_ERASURE_OF_FLEET = {"postgresql": POSTGRESQL_ERASURE_OF_FLEET, "sqlite": SQLITE_ERASURE_OF_FLEET}

# Since 0006. The triggers above list the columns that stay on SQLite; on PostgreSQL they compare all of them.
KEEP_TOKEN_NAMES: dict[str, list[str]] = {
    "postgresql": [],
    "sqlite": [
        """CREATE TRIGGER audit_event_token_kept BEFORE UPDATE ON audit_event
        WHEN NEW.token_name IS NOT OLD.token_name
        BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END"""
    ],
}
CHANGE_TOKEN_NAMES: dict[str, list[str]] = {"postgresql": [], "sqlite": ["DROP TRIGGER audit_event_token_kept"]}

CREATE_CURRENT = {
    vendor: [*CREATE_ALL[vendor], *ALLOW_ERASURE_OF_FLEET[vendor], *KEEP_TOKEN_NAMES[vendor]] for vendor in CREATE
}
DROP_CURRENT = {vendor: [*CHANGE_TOKEN_NAMES[vendor], *FORBID_ERASURE[vendor], *DROP_ALL[vendor]] for vendor in CREATE}
