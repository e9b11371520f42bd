"""The path below which browsers reach this server, such as /licences, if it shares its host with others.

Requests arrive without the prefix, because a proxy has removed it, and are handled without it (`request.path_info`). Everything
that a browser gets has it: `request.path`, links, redirects, static files and cookies.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import set_script_prefix

from common.api.problems import below_api, problem_response
from common.web.prefixed_cookies import move_cookies, own_cookies
from common.web.prefixes import is_path_prefix

NOT_A_PATH = "X-Forwarded-Prefix is not a path such as /licences."


class PathPrefixMiddleware:
    """Takes the prefix from PATH_PREFIX, or else from X-Forwarded-Prefix, which only trusted proxies can send.

    ClientAddressMiddleware removes the header of all others. With PATH_PREFIX, a proxy may also leave the prefix in the path.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        prefix: str = settings.PATH_PREFIX
        if prefix:
            request.path_info = without_prefix(request.path_info, prefix)
        elif given := request.META.get("HTTP_X_FORWARDED_PREFIX", "").rstrip("/"):
            if not is_path_prefix(given):
                return refused(request)
            prefix = given
        # Also without a prefix: the thread may have answered a request with one before.
        set_script_prefix(prefix or request.META.get("SCRIPT_NAME") or "/")
        if not prefix:
            return self.get_response(request)
        request.path = prefix + request.path_info
        request.META |= {"SCRIPT_NAME": prefix, "PATH_INFO": request.path_info}
        request.COOKIES = own_cookies(request.COOKIES, prefix)
        response = self.get_response(request)
        move_cookies(response, prefix)
        return response


def without_prefix(path: str, prefix: str) -> str:
    if path == prefix or path.startswith(prefix + "/"):
        return path.removeprefix(prefix) or "/"
    return path


def refused(request: HttpRequest) -> HttpResponse:
    if below_api(request):
        return problem_response(400, "bad_request", NOT_A_PATH)
    return HttpResponse(NOT_A_PATH + "\n", status=400, content_type="text/plain; charset=utf-8")
