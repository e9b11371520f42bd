"""The panel shows times in the zone of whoever looks; the API, the commands and the logs speak UTC."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.instants import known_zones

# A script of ours (static/portcullis/zone.js) puts the browser's own zone there; what is no zone counts as none.
COOKIE = "zone"


class ViewerZoneMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = request.COOKIES.get(COOKIE, "")
        if not request.path.startswith("/admin/") or zone not in known_zones():
            return self.get_response(request)
        with timezone.override(zoneinfo.ZoneInfo(zone)):
            return self.get_response(request)
