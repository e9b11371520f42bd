from django.db import migrations, models

from audit import triggers


def run(statements):
    def execute(apps, schema_editor):
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)

    return execute


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_erasure_of_device_events")]

    operations = [
        # SQLite adds a column that may be null without copying the table, so that its triggers stay.
        migrations.AddField(
            model_name="event",
            name="token_name",
            field=models.CharField(max_length=120, null=True),
        ),
        migrations.RunPython(run(triggers.KEEP_TOKEN_NAMES), run(triggers.CHANGE_TOKEN_NAMES)),
    ]
