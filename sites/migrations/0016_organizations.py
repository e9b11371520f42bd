import uuid

import django.db.models.lookups
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0015_receipts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Organization",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200)),
                ("slug", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("search_text", models.TextField(editable=False)),
            ],
            options={
                "default_permissions": ("add", "change", "view"),
                "constraints": [
                    models.UniqueConstraint(fields=("slug",), name="organization_slug_unique"),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.Func(
                                models.F("slug"),
                                models.Value("abcdefghijklmnopqrstuvwxyz0123456789-"),
                                function="RTRIM",
                                output_field=models.CharField(),
                            ),
                            models.Value(""),
                        ),
                        name="organization_slug_characters",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slug__length__gte", 1), ("slug__length__lte", 64)),
                        name="organization_slug_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slug__startswith", "-"), _negated=True),
                        name="organization_slug_no_hyphen_first",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="organization_name_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("search_text", ""), _negated=True), name="organization_searchable"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("revision__gte", 1)), name="organization_revision_positive"
                    ),
                ],
            },
        ),
    ]
