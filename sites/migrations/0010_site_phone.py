from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0009_refused_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="contact_phone",
            field=models.CharField(blank=True, db_default="", default="", max_length=32, verbose_name="phone"),
        ),
    ]
