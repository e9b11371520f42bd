"""What the reply to a heartbeat said, as badges."""

from functools import cache

from django.utils.safestring import SafeString

from heartbeat.models import Heartbeat
from panel.widgets.badges import badge


def answer_badges(heartbeat: Heartbeat) -> tuple[SafeString, ...]:
    return badges(licensed=heartbeat.licensed, locked=heartbeat.locked)


@cache  # a page shows a hundred of these four answers
def badges(*, licensed: bool, locked: bool) -> tuple[SafeString, ...]:
    answer = badge("licensed") if licensed else badge("expired", "no licence")
    return (answer, badge("locked")) if locked else (answer,)
