"""The address of a share page, for the API and the panel."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from common.web.links import public_link


def share_url(request: HttpRequest | Any, token: str) -> str:
    """Below PUBLIC_URL if that is set, because an admin may use another name of this server than restaurants do."""
    if settings.PUBLIC_URL:
        return public_link("share-page", token)
    return str(request.build_absolute_uri(reverse("share-page", args=[token])))
