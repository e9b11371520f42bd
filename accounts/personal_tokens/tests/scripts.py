"""Tokens, and scripts that call the API with them."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Admin
from accounts.personal_tokens.services import NewPersonalToken, create_personal_token
from audit.actors import Actor
from audit.models import Event

READS = ["sites.view_site"]


def a_token(owner: Admin, *permissions: str, name: str = "report", **more: Any) -> NewPersonalToken:
    """A token that its owner made in the panel, by default for reading sites."""
    at: datetime = more.pop("at", None) or timezone.now()
    by = Actor(Event.Source.ADMIN, owner)
    return create_personal_token(owner.pk, name=name, permissions=permissions or READS, by=by, at=at, **more)


def script(secret: str, *, scheme: str = "Bearer") -> APIClient:
    client = APIClient(headers={"Authorization": f"{scheme} {secret}"})
    client.default_format = "json"
    return client
