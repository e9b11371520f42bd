from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_admin")]

    operations = [
        migrations.AddField(
            "admin", "must_change_password", models.BooleanField(db_default=False, default=False, editable=False)
        )
    ]
