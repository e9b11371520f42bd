from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0008_overruled_revisions"),
    ]

    operations = [
        migrations.AddField(
            model_name="sitepulse",
            name="last_refused_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="sitepulse",
            name="last_refused_ip",
            field=models.GenericIPAddressField(null=True),
        ),
        migrations.AddField(
            model_name="sitepulse",
            name="refused_since",
            field=models.DateTimeField(null=True),
        ),
    ]
