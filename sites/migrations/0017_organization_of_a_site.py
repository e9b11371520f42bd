import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """PostgreSQL adds an empty column without reading the table, and takes its foreign key as valid."""

    dependencies = [
        ("sites", "0016_organizations"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="organization",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sites",
                to="sites.organization",
            ),
        ),
    ]
