"""The event of the list of events as a whole."""

from django.db.models import TextChoices

from audit.services import Subject

EVENT_LIST = "event_list"


class EventListAction(TextChoices):
    EXPORTED = "event_list.exported"


EVENTS = Subject(EVENT_LIST, "all", "the list of events")
