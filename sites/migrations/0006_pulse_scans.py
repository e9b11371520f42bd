from django.db import migrations


def scan_alone(apps, schema_editor):
    # The list reads all pulses for some questions. Helpers would shorten that by little and take the processors that
    # heartbeats need at the same moment.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sites_sitepulse SET (parallel_workers = 0)")


def scan_as_usual(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sites_sitepulse RESET (parallel_workers)")


class Migration(migrations.Migration):
    """One processor for one list."""

    dependencies = [("sites", "0005_site_visibility")]
    operations = [migrations.RunPython(scan_alone, scan_as_usual)]
