from django.db import migrations

from audit import triggers


def create(apps, schema_editor):
    for statement in triggers.CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    for statement in triggers.DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    """The database itself refuses to change or delete what was recorded."""

    dependencies = [("audit", "0001_event")]
    operations = [migrations.RunPython(create, drop)]
