"""Who acts, through which door, in which request."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from audit.models import Event
from common.web.request_ids import current_request_id


@dataclass(frozen=True)
class Actor:
    """`admin` is None for a command and for the system itself; `ip` and `request_id` are None outside a request."""

    source: Event.Source
    admin: Any = None  # settings.AUTH_USER_MODEL, which stands above this room
    ip: str | None = None
    request_id: str | None = None


SYSTEM = Actor(Event.Source.SYSTEM)
COMMAND = Actor(Event.Source.COMMAND)


def acting_admin(request: HttpRequest, source: Event.Source) -> Actor:
    """The actor behind a request of a signed-in admin."""
    assert request.user.is_authenticated
    return Actor(source, request.user, getattr(request, "client_address", None), current_request_id.get())


def acting_system(ip: str | None) -> Actor:
    """The system itself, moved by a call from `ip`."""
    return Actor(Event.Source.SYSTEM, None, ip, current_request_id.get())
