from django.db import migrations, models

INDEX = models.Index(
    condition=models.Q(("deregistered_at", None)),
    fields=["organization", "name", "site_id"],
    name="site_by_organization",
)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS site_by_organization")
    else:
        schema_editor.remove_index(apps.get_model("sites", "Site"), INDEX)


def create_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        drop_index(apps, schema_editor)  # what an interrupted run has left is invalid
        schema_editor.execute(
            'CREATE INDEX CONCURRENTLY site_by_organization ON sites_site (organization_id, name COLLATE "und-x-icu", site_id)'
            " WHERE deregistered_at IS NULL"
        )
    else:
        schema_editor.add_index(apps.get_model("sites", "Site"), INDEX)


class Migration(migrations.Migration):
    """On PostgreSQL the index has names in alphabetical order, which other databases cannot index.

    Sites are read and written while PostgreSQL builds it, which it cannot do in a transaction.
    """

    atomic = False

    dependencies = [
        ("sites", "0017_organization_of_a_site"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(create_index, drop_index)],
            state_operations=[migrations.AddIndex(model_name="site", index=INDEX)],
        ),
    ]
