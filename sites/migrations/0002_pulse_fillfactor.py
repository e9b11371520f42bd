from django.db import migrations


def leave_room(apps, schema_editor):
    # A third of each page stays free for new versions of its rows, so that updates stay HOT (no index is touched).
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sites_sitepulse SET (fillfactor = 70)")


def fill_up(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sites_sitepulse RESET (fillfactor)")


class Migration(migrations.Migration):
    """Room for updates in the pulse table's pages."""

    dependencies = [("sites", "0001_site")]
    operations = [migrations.RunPython(leave_room, fill_up)]
