from django.db import migrations

# PostgreSQL only: other databases have no such collation. The previous release uses site_by_name and site_by_zone.
INDEXES = {
    "site_by_name_alphabetical": '(name COLLATE "und-x-icu", site_id)',
    "site_by_zone_alphabetical": '(timezone, name COLLATE "und-x-icu", site_id)',
}


def drop_indexes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def create_indexes(apps, schema_editor):
    drop_indexes(apps, schema_editor)  # what an interrupted run has left is invalid
    if schema_editor.connection.vendor == "postgresql":
        for name, columns in INDEXES.items():
            schema_editor.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON sites_site {columns} WHERE deregistered_at IS NULL"
            )


class Migration(migrations.Migration):
    """Sites are read and written while PostgreSQL builds the indexes, which it cannot do in a transaction."""

    atomic = False

    dependencies = [
        ("sites", "0013_saved_views"),
    ]

    operations = [
        migrations.RunPython(create_indexes, drop_indexes),
    ]
