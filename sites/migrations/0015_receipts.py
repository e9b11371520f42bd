from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0014_names_in_alphabetical_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="sitepulse",
            name="delivered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="sitepulse",
            name="applied_revision",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="sitepulse",
            name="applied_state",
            field=models.CharField(
                choices=[
                    ("ok", "ok"),
                    ("notice", "notice"),
                    ("locked", "locked"),
                    ("expired", "expired"),
                    ("lapsed", "lapsed"),
                ],
                max_length=16,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="sitepulse",
            name="applied_at",
            field=models.DateTimeField(null=True),
        ),
    ]
