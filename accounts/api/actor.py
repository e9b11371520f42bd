from audit.actors import Actor, acting_admin
from audit.models import Event


class ActorMixin:
    """For API views: the `by` argument of services."""

    def actor(self) -> Actor:
        return acting_admin(self.request, Event.Source.API)
