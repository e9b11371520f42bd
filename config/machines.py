"""Callers who are no people: monitors and local backends.

They carry no cookie. So nothing that browsers need is done for them (a session, a CSRF token, messages, the search for the
path among all others), which for a heartbeat would be as much work as the heartbeat.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from rest_framework.response import Response

from config.probes import HealthView, LiveView
from heartbeat.api.views import HeartbeatView

View = Callable[[HttpRequest], HttpResponseBase]

HEARTBEAT = frozenset(f"{prefix}/heartbeat{slash}" for prefix in ("/api", "/api/v1") for slash in ("", "/"))


class MachineMiddleware:
    """Answers the probes, before the Host header is looked at, and heartbeats."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.heartbeat: View = HeartbeatView.as_view()
        self.probes: dict[str, View] = {"/health": HealthView.as_view(), "/health/live": LiveView.as_view()}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in HEARTBEAT:
            request.get_host()  # refuses a Host that is none of ours, as CommonMiddleware does for all others
            return rendered(self.heartbeat(request))
        # Load balancers ask by address, which is no name of ours.
        probe = self.probes.get(request.path.rstrip("/"))
        return rendered(probe(request)) if probe else self.get_response(request)


def rendered(response: HttpResponseBase) -> HttpResponseBase:
    return response.render() if isinstance(response, Response) else response
