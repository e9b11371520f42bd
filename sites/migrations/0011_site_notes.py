import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Notes are never changed. A migration that changes the table on SQLite has to create the trigger again.
CREATE_TRIGGER = {
    "postgresql": [
        """CREATE FUNCTION sites_sitenote_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'notes are never changed' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
        """CREATE TRIGGER sites_sitenote_no_update BEFORE UPDATE ON sites_sitenote
        FOR EACH ROW EXECUTE FUNCTION sites_sitenote_refuse()""",
    ],
    "sqlite": [
        """CREATE TRIGGER sites_sitenote_no_update BEFORE UPDATE ON sites_sitenote
        BEGIN SELECT RAISE(ABORT, 'notes are never changed'); END"""
    ],
}
DROP_TRIGGER = {
    "postgresql": [
        "DROP TRIGGER sites_sitenote_no_update ON sites_sitenote",
        "DROP FUNCTION sites_sitenote_refuse()",
    ],
    "sqlite": ["DROP TRIGGER sites_sitenote_no_update"],
}


def run(statements):
    def execute(apps, schema_editor):
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)

    return execute


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0010_site_phone"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SiteNote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("note_id", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("admin_name", models.CharField(max_length=150)),
                ("text", models.CharField(max_length=2000)),
                (
                    "admin",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="sites.site",
                    ),
                ),
            ],
            options={
                "default_permissions": ("add",),
                "indexes": [models.Index(fields=["site", "-id"], name="sitenote_of_site_newest_first")],
                "constraints": [
                    models.UniqueConstraint(fields=("note_id",), name="sitenote_once"),
                    models.CheckConstraint(
                        condition=models.Q(("text__length__gte", 1), ("text__length__lte", 2000)),
                        name="sitenote_text_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("admin_name", ""), _negated=True), name="sitenote_admin_named"
                    ),
                ],
            },
        ),
        migrations.RunPython(run(CREATE_TRIGGER), run(DROP_TRIGGER)),
    ]
