from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0004_sitekey_by_pepper"),
    ]

    operations = [
        migrations.AddField(
            model_name="sitepulse",
            name="recent_calls",
            field=models.FloatField(null=True),
        ),
    ]
