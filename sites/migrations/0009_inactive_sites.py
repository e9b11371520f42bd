from django.db import migrations, models


class Migration(migrations.Migration):
    """Which sites are inactive, without reading any. While it is built, changes of sites wait; heartbeats and reads do not."""

    dependencies = [
        ("sites", "0008_sites_of_a_zone"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="site",
            index=models.Index(
                condition=models.Q(("deregistered_at", None), ("is_active", False)),
                fields=["site_id"],
                name="site_inactive",
            ),
        ),
    ]
