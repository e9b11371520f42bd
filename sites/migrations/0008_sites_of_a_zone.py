from django.db import migrations, models


class Migration(migrations.Migration):
    """Which zones there are, and their sites by name. While it is built, changes of sites wait; heartbeats and reads do not."""

    dependencies = [
        ("sites", "0007_panel_permissions"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="site",
            index=models.Index(
                condition=models.Q(("deregistered_at", None)),
                fields=["timezone", "name", "site_id"],
                name="site_by_zone",
            ),
        ),
    ]
