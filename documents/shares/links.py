"""The address of a share page, for the API and the panel."""

from typing import Any

from django.http import HttpRequest

from common.web.links import link


def share_url(request: HttpRequest | Any, token: str) -> str:
    """Below PUBLIC_URL if that is set, because an admin may use another name of this server than restaurants do."""
    return link(request, "share-page", token)
