from django.db import migrations

from audit import triggers


def run(*lists):
    def execute(apps, schema_editor):
        for statements in lists:
            for statement in statements[schema_editor.connection.vendor]:
                schema_editor.execute(statement)

    return execute


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_erased_events")]

    operations = [
        migrations.RunPython(
            run(triggers.FORBID_ERASURE, triggers.ALLOW_ERASURE_OF_FLEET),
            run(triggers.FORBID_ERASURE, triggers.ALLOW_ERASURE),
        ),
    ]
