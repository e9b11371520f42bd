"""The headers Content-Security-Policy and Permissions-Policy."""

from functools import cache

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

# Attributes that django-csp's decorators set on the response of a view with a policy of its own.
OWN_POLICY_ATTRIBUTES = {"_csp_config", "_csp_update", "_csp_replace", "_csp_exempt"}


@cache
def usual_policy() -> str:
    return str(build_policy())


class ContentPolicyMiddleware(CSPMiddleware):
    """Builds the content policy of the settings once. django-csp builds it for each response.

    Pages have no nonce: scripts and styles are files.
    """

    def process_request(self, request: HttpRequest) -> None:
        pass

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        if settings.DEBUG or not OWN_POLICY_ATTRIBUTES.isdisjoint(vars(response)):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, usual_policy())
        return response
