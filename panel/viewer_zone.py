"""The panel shows times in the viewer's time zone; the API, commands and logs use UTC."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Admin
from accounts.preferences import preferences_of
from common.instants import known_zones
from common.web.prefixed_cookies import ZONE_COOKIE


class ViewerZoneMiddleware:
    """The zone of the admin's settings; the browser's, if they name none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/admin/"):
            return self.get_response(request)
        chosen = preferences_of(request.user).timezone if isinstance(request.user, Admin) else ""
        for zone in (chosen, request.COOKIES.get(ZONE_COOKIE, "")):
            if zone in known_zones():
                with timezone.override(zoneinfo.ZoneInfo(zone)):
                    return self.get_response(request)
        return self.get_response(request)
