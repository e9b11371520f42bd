from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations

import heartbeat.indexes


class AddIndexBesideHeartbeats(AddIndexConcurrently):
    """On PostgreSQL, where it reads the whole table, heartbeats and prune go on meanwhile."""

    def of(self, schema_editor):
        return super(AddIndexConcurrently, self) if schema_editor.connection.vendor != "postgresql" else super()

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        self.of(schema_editor).database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self.of(schema_editor).database_backwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    """How many heartbeats came in an hour, without reading all of them. Should it fail half-way on PostgreSQL it leaves an
    index that is marked invalid: DROP INDEX heartbeat_by_arrival, and migrate again."""

    atomic = False
    dependencies = [("heartbeat", "0002_promise")]
    operations = [
        AddIndexBesideHeartbeats(
            model_name="heartbeat",
            index=heartbeat.indexes.ArrivalIndex(
                autosummarize=True, fields=["received_at"], name="heartbeat_by_arrival", pages_per_range=32
            ),
        ),
    ]
