"""The panel shows times in the viewer's time zone; the API, commands and logs use UTC."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from common.instants import known_zones

# static/portcullis/zone.js stores the browser's time zone there. An unknown zone is ignored.
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
