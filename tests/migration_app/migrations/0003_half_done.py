import os
from pathlib import Path
from typing import Any

from django.db import migrations


def fail_once(*_: Any) -> None:
    marker = Path(os.environ["TRIAL_REPAIRED"] + ".half")
    if not marker.exists():
        marker.touch()
        raise RuntimeError("the power went off")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("trial", "0002_fails")]
    operations = [
        migrations.RunSQL("CREATE TABLE IF NOT EXISTS trial_third (id integer)"),
        migrations.RunPython(fail_once, migrations.RunPython.noop),
    ]
