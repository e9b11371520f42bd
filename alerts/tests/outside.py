"""The outside world in place of the transports: what arrived, and what is answered."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from alerts.channels.transports.outcome import Message, Outcome, Target, Verdict
from alerts.models import AlertChannel, Delivery
from alerts.outbox.claims import channels_with_work
from alerts.outbox.delivery import deliver_channel

OK = Outcome(Verdict.DELIVERED, 200, "ok")
RETRY = Outcome(Verdict.RETRY, 503, "Service Unavailable")
FAILED = Outcome(Verdict.FAILED, 400, "Bad Request")
GONE = Outcome(Verdict.GONE, 410, "Gone")


class Outside:
    """`answer` is asked for each message; the clock stands at `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.got: list[Message] = []
        self.answer: Callable[[Message], Outcome] = lambda message: OK

    def receive(self, message: Message, target: Target) -> Outcome:
        self.got.append(message)
        return self.answer(message)

    def deliver(self, *, later: timedelta = timedelta(0)) -> list[Message]:
        """What arrives now, or so much later, as one look of a worker."""
        self.now += later
        before = len(self.got)
        for channel_id in channels_with_work(at=self.now):
            deliver_channel(
                channel_id,
                holder="test",
                is_stopping=lambda: False,
                transport=self.receive,
                clock=lambda: self.now,
            )
        return self.got[before:]

    def deliver_until(self, moment: datetime) -> None:
        """From one moment at which something is due to the next."""
        while True:
            self.deliver()
            times = []
            for channel in AlertChannel.objects.filter(is_enabled=True):
                waiting = Delivery.objects.waiting().filter(channel=channel).order_by("next_attempt_at")
                if first := waiting.values_list("next_attempt_at", flat=True).first():
                    times.append(max(first, channel.paused_until or first))
            soonest = min(times, default=moment)
            if soonest >= moment:
                self.now = moment
                return
            self.now = max(soonest, self.now + timedelta(seconds=1))


def ids(messages: list[Message]) -> list[uuid.UUID]:
    return [message.id for message in messages]
