import django.db.models.deletion
from django.db import migrations, models

from audit import triggers

# SQLite changes a table by copying it to a new one, which would have no triggers.
WITHOUT_TRIGGERS = {"postgresql": [], "sqlite": triggers.SQLITE_DROP}
WITH_TRIGGERS = {"postgresql": [], "sqlite": triggers.SQLITE_CREATE}


def run(statements):
    def execute(apps, schema_editor):
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)

    return execute


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_hashes_of_older_events")]

    operations = [
        migrations.RunPython(run(WITHOUT_TRIGGERS), run(WITH_TRIGGERS)),
        migrations.AddField(
            model_name="event",
            name="erasure",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="audit.event",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="salt",
            field=models.CharField(db_default="", default="", editable=False, max_length=32),
        ),
        migrations.RunPython(run(WITH_TRIGGERS), run(WITHOUT_TRIGGERS)),
        migrations.RunPython(run(triggers.ALLOW_ERASURE), run(triggers.FORBID_ERASURE)),
    ]
