"""How a message is sent on each kind of channel."""

from collections.abc import Mapping

from alerts.channels.transports import mail, pagerduty, slack, webhook
from alerts.channels.transports.outcome import Message, Outcome, Target, Transport

TRANSPORTS: Mapping[str, Transport] = {
    "email": mail.send,
    "pagerduty": pagerduty.send,
    "slack": slack.send,
    "webhook": webhook.send,
}


def send(message: Message, target: Target) -> Outcome:
    """It raises nothing for faults of the other side."""
    return TRANSPORTS[target.kind](message, target)
