from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class AddConstraintForNewRows(AddConstraintNotValid):
    """On PostgreSQL old rows are not read to be checked: they have no promise, and there may be a billion of them."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        on_postgresql = schema_editor.connection.vendor == "postgresql"
        add = super() if on_postgresql else super(AddConstraintNotValid, self)
        add.database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    """What a site was told, in its history. Neither rewrites nor reads a large table on PostgreSQL."""

    dependencies = [("heartbeat", "0001_heartbeat")]
    operations = [
        migrations.AddField(model_name="heartbeat", name="due_at", field=models.DateTimeField(null=True)),
        AddConstraintForNewRows(
            model_name="heartbeat",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__isnull", True), ("due_at__gt", models.F("received_at")), _connector="OR"),
                name="heartbeat_due_after_received",
            ),
        ),
    ]
