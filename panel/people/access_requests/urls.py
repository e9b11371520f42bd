"""The pages on which a person without an account asks for access."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from panel.people.access_requests.ask import AccessRequestedView, RequestAccessView


def access_request_urls(_site: AdminSite) -> list[URLPattern]:
    """Outside `site.admin_view`: nobody has signed in there."""
    return [
        path("request-access/", RequestAccessView.as_view(), name="request_access"),
        path("request-access/received/", AccessRequestedView.as_view(), name="access_requested"),
    ]
