"""The dashboard's recent activity: the newest events, each as a sentence of actor, action and subject."""

from dataclasses import dataclass

from audit.models import Event
from panel.events.words import action_words, actor_words, subject_url

RECENT_EVENTS = 10


@dataclass(frozen=True)
class RecentEvent:
    event: Event

    @property
    def actor(self) -> str:
        return actor_words(self.event)

    @property
    def action(self) -> str:
        return action_words(self.event).phrase

    @property
    def subject_url(self) -> str | None:
        return subject_url(self.event)


def recent_events() -> list[RecentEvent]:
    return [RecentEvent(event) for event in Event.objects.newest_first()[:RECENT_EVENTS]]
