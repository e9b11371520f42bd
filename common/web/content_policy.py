"""The Content-Security-Policy header."""

from functools import cache

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

# What django-csp's decorators leave at the answer of a view that needs another policy.
OF_ITS_OWN = {"_csp_config", "_csp_update", "_csp_replace", "_csp_exempt"}


@cache
def usual_policy() -> str:
    return str(build_policy())


class ContentPolicyMiddleware(CSPMiddleware):
    """django-csp builds the policy anew for each answer; this one does so only for the few that differ from the settings.

    No page of ours has a nonce: scripts and styles are files.
    """

    def process_request(self, request: HttpRequest) -> None:
        pass

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.DEBUG or not OF_ITS_OWN.isdisjoint(vars(response)):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, usual_policy())
        return response
