"""The dashboard's recent activity: the newest events, each as a sentence of actor, action and site."""

from dataclasses import dataclass

from audit.models import Event
from panel.events.timeline import ACTIVATED, DEACTIVATED, EXPIRY_SET, kind_of

RECENT_EVENTS = 10
# What the actor did; the site's name follows.
PAST_TENSE: dict[str, str] = {
    Event.Action.REGISTERED: "registered",
    Event.Action.UPDATED: "edited",
    Event.Action.LOCKED: "locked",
    Event.Action.LOCK_REASON_CHANGED: "changed the lock reason of",
    Event.Action.UNLOCKED: "unlocked",
    Event.Action.EXTENDED: "extended the licence of",
    Event.Action.KEY_ROTATED: "rotated the key of",
    Event.Action.KEY_RETIRED: "retired the old key of",
    Event.Action.DEREGISTERED: "deregistered",
    Event.Action.RESTORED: "restored",
    ACTIVATED: "activated",
    DEACTIVATED: "deactivated",
    EXPIRY_SET: "set the licence end of",
}
# Actors of events that no admin caused.
SYSTEM_ACTORS = {Event.Source.SYSTEM: "The control plane", Event.Source.COMMAND: "A command"}


@dataclass(frozen=True)
class RecentEvent:
    event: Event

    @property
    def actor(self) -> str:
        return self.event.actor_name or SYSTEM_ACTORS.get(Event.Source(self.event.source), "Unknown")

    @property
    def action(self) -> str:
        return PAST_TENSE[kind_of(self.event)]


def recent_events() -> list[RecentEvent]:
    return [RecentEvent(event) for event in Event.objects.newest_first()[:RECENT_EVENTS]]
