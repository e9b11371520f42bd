from django.db import migrations, models


class Migration(migrations.Migration):
    """The pepper that each key's digest was made with. Null for now, also for keys that the old code still makes."""

    dependencies = [
        ("sites", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="sitekey",
            name="pepper",
            field=models.CharField(max_length=8, null=True),
        ),
    ]
