"""What the reply to a heartbeat said, as badges."""

from django.utils.safestring import SafeString

from heartbeat.models import Heartbeat
from panel.widgets.badges import badge


def answer_badges(heartbeat: Heartbeat) -> list[SafeString]:
    answer = [badge("licensed") if heartbeat.licensed else badge("expired", "no licence")]
    return [*answer, badge("locked")] if heartbeat.locked else answer
