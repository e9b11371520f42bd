from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_google_sign_in_attempts")]
    operations = [migrations.AddField("admin", "public_id", models.UUIDField(null=True, unique=True, editable=False))]
