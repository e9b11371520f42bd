from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0007_leases_and_clones"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="overruled_revision",
            field=models.PositiveIntegerField(null=True),
        ),
    ]
