from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0001_signing_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="signingkey",
            name="longest_lease_seconds",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
