from typing import Any

from django.conf import settings
from django.db import migrations

from common.keys import pepper_id


def record_the_only_pepper(apps: Any, schema_editor: Any) -> None:
    """If there is one pepper, every key that works was made with it. If there are more, each heartbeat records its own."""
    if len(settings.SITE_KEY_PEPPERS) == 1:
        keys = apps.get_model("sites", "SiteKey").objects.filter(pepper=None)
        keys.update(pepper=pepper_id(settings.SITE_KEY_PEPPERS[0]))


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0002_sitekey_pepper"),
    ]

    operations = [
        migrations.RunPython(record_the_only_pepper, migrations.RunPython.noop),
    ]
