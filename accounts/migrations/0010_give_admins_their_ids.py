import uuid

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def give_ids(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    admins = apps.get_model("accounts", "Admin").objects
    for pk in admins.filter(public_id=None).values_list("pk", flat=True):
        admins.filter(pk=pk).update(public_id=uuid.uuid4())


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_ids_of_admins_in_the_api")]
    operations = [migrations.RunPython(give_ids, migrations.RunPython.noop)]
