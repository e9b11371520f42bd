import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_give_admins_their_ids")]
    operations = [
        migrations.AlterField(
            "admin", "public_id", models.UUIDField(default=uuid.uuid4, editable=False, null=True, unique=True)
        ),
    ]
