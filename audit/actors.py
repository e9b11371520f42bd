"""The admin, command or system that causes an event, and the request."""

from dataclasses import dataclass
from typing import Any, Protocol, cast

from django.http import HttpRequest

from audit.models import Event
from common.web.request_ids import current_request_id


class ActingAdmin(Protocol):
    """What an event records of an admin. The model is in `accounts`, which imports this app."""

    @property
    def pk(self) -> Any: ...
    @property
    def username(self) -> str: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True)
class Actor:
    """`admin` is None for a command and for the system itself; `ip` and `request_id` are None outside a request.

    `token_name` names the personal access token with which the admin's script called.
    """

    source: Event.Source
    admin: ActingAdmin | None = None
    ip: str | None = None
    request_id: str | None = None
    token_name: str | None = None


SYSTEM = Actor(Event.Source.SYSTEM)
COMMAND = Actor(Event.Source.COMMAND)


def acting_admin(request: HttpRequest, source: Event.Source) -> Actor:
    """The signed-in admin who sent the request."""
    assert request.user.is_authenticated
    admin, token = cast(ActingAdmin, request.user), getattr(request.user, "token", None)
    token_name = token.label if token else None
    return Actor(source, admin, getattr(request, "client_address", None), current_request_id.get(), token_name)


def acting_person(admin: ActingAdmin, request: HttpRequest, source: Event.Source) -> Actor:
    """An admin who is not signed in, but proved who they are by other means."""
    return Actor(source, admin, getattr(request, "client_address", None), current_request_id.get())


def acting_system(ip: str | None) -> Actor:
    """The system itself, because of a request from `ip`."""
    return Actor(Event.Source.SYSTEM, None, ip, current_request_id.get())
