"""Addresses of this server that leave a page: for mails, and for people to copy."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse


def below_prefix(path: str) -> str:
    """A path of ours, such as /api/sites, with the prefix of the request that is being answered."""
    return get_script_prefix().rstrip("/") + path


def server_url(request: HttpRequest) -> str:
    """Where the client of this request reaches the server, with the prefix and without a slash at the end."""
    return request.build_absolute_uri(below_prefix("/")).rstrip("/")


def public_link(name: str, *args: object) -> str:
    """The address below PUBLIC_URL, which has the prefix already, of the URL pattern with that name.

    A mail may be made in a request below the prefix, or by a job, which knows no prefix.
    """
    path = reverse(name, args=args)
    return f"{settings.PUBLIC_URL}/{path.removeprefix(get_script_prefix())}"


def link(request: HttpRequest, name: str, *args: object) -> str:
    """The address of that URL pattern below PUBLIC_URL or, if that is not set, where the client of this request is."""
    if settings.PUBLIC_URL:
        return public_link(name, *args)
    return request.build_absolute_uri(reverse(name, args=args))
