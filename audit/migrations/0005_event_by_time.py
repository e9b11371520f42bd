from django.db import migrations

import common.indexes


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_erased_events")]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=common.indexes.ArrivalIndex(
                autosummarize=True, fields=["at"], name="event_by_time", pages_per_range=32
            ),
        ),
    ]
