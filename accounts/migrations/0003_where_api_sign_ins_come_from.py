from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_must_change_password")]

    operations = [
        migrations.AddField("tokenfamily", "last_used_at", models.DateTimeField(null=True)),
        migrations.AddField("tokenfamily", "address", models.GenericIPAddressField(null=True)),
        migrations.AddField(
            "tokenfamily", "user_agent", models.CharField(blank=True, db_default="", default="", max_length=100)
        ),
    ]
