"""The triggers that make the audit's tables append-only, on each database."""

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
