"""The part of an erasure for incidents, the messages about them, and notices to the restaurant.

Incidents keep their kind and times. Texts that name the customer are replaced, also in messages that wait; they are sent
without the name. What was sent already stays with those who got it.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from alerts.models import Delivery, DeliveryAttempt, Incident, LicenseNotice, Unsubscription
from alerts.models.incidents import MAX_DETAIL_LENGTH

BATCH_SIZE = 1_000


@dataclass(frozen=True)
class AlertTraces:
    """The site's own incidents, those of a common cause that name it, and the messages about both."""

    site_id: uuid.UUID
    incidents: list[Incident]
    messages: list[Delivery]

    def counts(self) -> dict[str, int]:
        return {
            "incidents": len(self.incidents),
            "messages": len(self.messages),
            "license_notices": LicenseNotice.objects.filter(site=self.site_id).count(),
        }

    def erase(self, *, value: str) -> None:
        """Put `value` in place of the texts; delete the notices and the unsubscriptions."""
        for incident in self.incidents:
            if incident.site_id == self.site_id:
                incident.title = value
            incident.detail = incident.detail and value
            incident.acknowledge_note = incident.acknowledge_note and value
        Incident.objects.bulk_update(self.incidents, ["title", "detail", "acknowledge_note"], batch_size=BATCH_SIZE)
        for message in self.messages:
            message.payload = {**message.payload, "title": value, "detail": value}
            message.answer = message.answer and value
        Delivery.objects.bulk_update(self.messages, ["payload", "answer"], batch_size=BATCH_SIZE)
        # Servers may repeat in their answer what they were sent.
        numbers = [message.pk for message in self.messages]
        for first in range(0, len(numbers), BATCH_SIZE):
            attempts = DeliveryAttempt.objects.filter(delivery__in=numbers[first : first + BATCH_SIZE])
            attempts.exclude(answer="").update(answer=value)
        LicenseNotice.objects.filter(site=self.site_id).delete()
        Unsubscription.objects.filter(site=self.site_id).delete()


def find_alert_traces(site_id: uuid.UUID, is_named_in: Callable[[str], bool]) -> AlertTraces:
    """`is_named_in` says whether a text names the customer."""

    def may_name(text: str) -> bool:
        return is_named_in(text) or len(text) >= MAX_DETAIL_LENGTH  # the last name in it may be cut off

    of_site = Incident.objects.of_site(site_id)
    incidents = [
        incident
        for incident in of_site.order_by("pk")
        if incident.site_id == site_id or any(map(may_name, texts_of(incident)))
    ]
    messages = Delivery.objects.filter(incident__in=of_site.values("pk")).select_related("incident")
    named = [
        message
        for message in messages.prefetch_related("attempts_made").order_by("pk")
        if message.incident.site_id == site_id or any(map(may_name, texts_of_message(message)))
    ]
    return AlertTraces(site_id, incidents, named)


def texts_of(incident: Incident) -> Iterator[str]:
    yield from (incident.title, incident.detail, incident.acknowledge_note)


def texts_of_message(message: Delivery) -> Iterable[str]:
    yield from (value for value in message.payload.values() if isinstance(value, str))
    yield message.answer
    yield from (attempt.answer for attempt in message.attempts_made.all())
