from django.db import migrations


def create_table(apps, schema_editor):
    # Counters may be lost in a crash, so on PostgreSQL the table is unlogged.
    unlogged = "UNLOGGED " if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(
        f"CREATE {unlogged}TABLE common_counter (key varchar(250) PRIMARY KEY,"
        " value bigint NOT NULL, expires_at double precision NOT NULL)"
    )
    schema_editor.execute("CREATE INDEX common_counter_expires_at ON common_counter (expires_at)")


def drop_table(apps, schema_editor):
    schema_editor.execute("DROP TABLE common_counter")


class Migration(migrations.Migration):
    """The table of common.counters. It has no model, because only the cache reads it."""

    initial = True
    dependencies = []
    operations = [migrations.RunPython(create_table, drop_table)]
