from django.db import migrations

from audit import triggers
from audit.chain import hash_of


def fill(apps, schema_editor):
    """Chain the events that were recorded before there were hashes, in the order in which they took effect."""
    connection = schema_editor.connection
    Event = apps.get_model("audit", "Event")
    for statement in triggers.DROP_ALL[connection.vendor]:
        schema_editor.execute(statement)
    newest = {}
    for event in Event.objects.order_by("sequence").iterator(2000):
        subject = event.subject_type, event.subject_id
        event.previous_hash = newest.get(subject, "")
        event.hash = newest[subject] = hash_of(event)
        event.save(update_fields=["previous_hash", "hash"])
    for statement in triggers.CREATE_ALL[connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_event_hashes")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
