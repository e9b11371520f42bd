from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import Admin
from alerts.customer_notices.services import change_notices
from alerts.customer_notices.words import current_template
from alerts.models import NoticeTemplate
from audit.actors import Actor
from audit.models import Event
from conftest import Register, RegisteredSite

Ending = Callable[..., RegisteredSite]


@pytest.fixture(autouse=True)
def _mail_server(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.vendor.example"
    settings.PUBLIC_URL = "https://licenses.vendor.example"
    settings.DEFAULT_FROM_EMAIL = "Licences <licences@vendor.example>"


def change(anna: Admin, **values: Any) -> NoticeTemplate:
    """Change something of the notices, as the page does."""
    now = current_template()
    facts = {"subject": now.subject, "text": now.text, "is_enabled": now.is_enabled, "expected_revision": now.revision}
    by = Actor(Event.Source.ADMIN, anna, "203.0.113.9")
    return change_notices(**{**facts, "at": datetime(2026, 1, 1, tzinfo=UTC), **values}, by=by)


@pytest.fixture
def turned_on(anna: Admin) -> NoticeTemplate:
    return change(anna, is_enabled=True)


@pytest.fixture
def ending(register: Register) -> Ending:
    """Register a site in Rome whose licence ends on 31 July 2026, at 18:00 there."""

    def register_ending(end: str = "2026-07-31T18:00:00+02:00", **facts: Any) -> RegisteredSite:
        return register(**{"timezone": "Europe/Rome", "license_expires_at": end, **facts})

    return register_ending
