"""The address of a share page, for the API and the panel."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def share_url(request: HttpRequest | Any, token: str) -> str:
    """Below PUBLIC_URL if that is set, because an admin may use another name of this server than restaurants do."""
    path = reverse("share-page", args=[token])
    return settings.PUBLIC_URL + path if settings.PUBLIC_URL else request.build_absolute_uri(path)
