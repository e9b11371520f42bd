"""The revision of the newest lease, where there is one: until now it was the revision of the last reply."""

from typing import Any

from django.db import migrations
from django.db.models import F


def fill_lease_revision(apps: Any, schema_editor: Any) -> None:
    pulses = apps.get_model("sites", "SitePulse").objects.using(schema_editor.connection.alias)
    pulses.exclude(lease_expires_at=None).update(lease_revision=F("reply_revision"))


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0008_overruled_revisions"),
    ]

    operations = [
        migrations.RunPython(fill_lease_revision, migrations.RunPython.noop, elidable=True),
    ]
