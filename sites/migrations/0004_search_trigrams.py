import logging

from django.db import DatabaseError, migrations, transaction

logger = logging.getLogger(__name__)


def index_trigrams(apps, schema_editor):
    # Only PostgreSQL has them, and only where its extension may be created; elsewhere search reads every site.
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        logger.warning("search stays without an index, because PostgreSQL refuses the extension pg_trgm: %s", error)
        return
    # Without a list of pending entries, which every search would have to read.
    schema_editor.execute(
        "CREATE INDEX site_search ON sites_site USING gin (search_text gin_trgm_ops) WITH (fastupdate = off)"
    )


def drop_index(apps, schema_editor):
    # The extension stays: others may use it by now.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS site_search")


class Migration(migrations.Migration):
    """Search by trigrams. While the index is built, changes of sites wait; heartbeats and reads do not."""

    dependencies = [("sites", "0003_list_indexes")]
    operations = [migrations.RunPython(index_trigrams, drop_index)]
