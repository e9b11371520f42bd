"""What others did to an account since its owner's last sign-in."""

from datetime import datetime

from accounts.events import ADMIN
from accounts.models import Admin
from accounts.notices import words_of
from audit.models import Event

SHOWN = 10


def news_since(admin: Admin, since: datetime | None) -> list[str]:
    """As in "role changed by anna", the newest first; empty if the admin never signed in."""
    if since is None:
        return []
    about = Event.objects.of(ADMIN, admin.pk).filter(at__gt=since).exclude(source=Event.Source.SYSTEM)
    by_others = about.exclude(actor=admin).newest_first()[:SHOWN]
    return [f"{words_of(event.action)} by {event.actor_name or 'a command'}" for event in by_others]
