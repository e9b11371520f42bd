import os
from pathlib import Path
from typing import Any

from django.db import migrations


def fail_until_repaired(*_: Any) -> None:
    if not Path(os.environ["TRIAL_REPAIRED"]).exists():
        raise RuntimeError("there is a row that the constraint refuses")


class Migration(migrations.Migration):
    dependencies = [("trial", "0001_slow")]
    operations = [
        migrations.RunSQL("CREATE TABLE trial_second (id integer)"),
        migrations.RunPython(fail_until_repaired, migrations.RunPython.noop),
    ]
