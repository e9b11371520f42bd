from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart from the new column, whose lock would make heartbeats wait until the index is built."""

    dependencies = [
        ("sites", "0003_record_the_only_pepper"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="sitekey",
            index=models.Index(condition=models.Q(("revoked_at", None)), fields=["pepper"], name="sitekey_by_pepper"),
        ),
    ]
