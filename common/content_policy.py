"""The Content-Security-Policy header."""

from functools import cache

from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

AS_IN_SETTINGS = PolicyParts()


@cache
def usual_policy() -> str:
    return str(build_policy())


class ContentPolicyMiddleware(CSPMiddleware):
    """django-csp builds the policy anew for each answer; this one does so only for the few that differ from the settings."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.DEBUG or self.get_policy_parts(request, response) != AS_IN_SETTINGS:
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, usual_policy())
        return response
