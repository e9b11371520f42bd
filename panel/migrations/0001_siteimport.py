import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Files of sites between their dry run and the moment they are applied."""

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SiteImport",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(db_index=True)),
                ("file_name", models.CharField(max_length=255)),
                ("ignored_columns", models.JSONField(default=list)),
                ("rows", models.JSONField(null=True)),
                ("applied_at", models.DateTimeField(null=True)),
                ("registered", models.PositiveIntegerField(default=0)),
                ("changed", models.PositiveIntegerField(default=0)),
                (
                    "admin",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("applied_at__isnull", True), ("rows__isnull", False)),
                            models.Q(("applied_at__isnull", False), ("rows__isnull", True)),
                            _connector="OR",
                        ),
                        name="siteimport_rows_until_applied",
                    )
                ],
            },
        ),
    ]
