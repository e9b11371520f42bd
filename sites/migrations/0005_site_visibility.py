from django.db import migrations


def vacuum_early(apps, schema_editor):
    # Counts read an index alone only where PostgreSQL knows a whole page to be visible; one change makes it forget that
    # for some thirty sites, so it is to look again after one in a hundred changed, not after one in five.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE sites_site SET"
            " (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.01)"
        )


def vacuum_as_usual(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE sites_site RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)"
        )


class Migration(migrations.Migration):
    """Keeps counts of sites index-only."""

    dependencies = [("sites", "0004_search_trigrams")]
    operations = [migrations.RunPython(vacuum_early, vacuum_as_usual)]
