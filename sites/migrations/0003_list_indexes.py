from django.db import migrations, models


class Migration(migrations.Migration):
    """What the sites list counts and finds by. While they are built, changes of sites wait; heartbeats and reads do not."""

    dependencies = [
        ("sites", "0002_pulse_fillfactor"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="site",
            index=models.Index(
                condition=models.Q(("deregistered_at", None)), fields=["is_active", "is_locked"], name="site_flags"
            ),
        ),
        migrations.AddIndex(
            model_name="site",
            index=models.Index(
                condition=models.Q(("deregistered_at", None), ("is_active", True)),
                fields=["license_expires_at"],
                name="site_active_by_expiry",
            ),
        ),
        migrations.AddIndex(
            model_name="site",
            index=models.Index(
                condition=models.Q(("deregistered_at", None), ("is_locked", True)),
                fields=["site_id"],
                name="site_locked",
            ),
        ),
        migrations.AddIndex(
            model_name="site",
            index=models.Index(
                condition=models.Q(("deregistered_at__isnull", False)), fields=["site_id"], name="site_deregistered"
            ),
        ),
    ]
