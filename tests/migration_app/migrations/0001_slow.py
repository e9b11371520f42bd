import time
from typing import Any

from django.db import migrations


def take_a_while(*_: Any) -> None:
    time.sleep(4)


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.RunSQL("CREATE TABLE trial_first (id integer)"),
        migrations.RunPython(take_a_while, migrations.RunPython.noop),
    ]
