"""Fixtures of the alerts' tests."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.models import Admin
from alerts.incidents.services import NewIncident, open_incidents
from alerts.kinds import Kind
from alerts.models import Incident
from alerts.tests.estate import Estate
from audit.actors import Actor
from audit.models import Event
from conftest import RegisteredSite

OpenIncident = Callable[..., Incident]


@pytest.fixture
def open_incident(db: None) -> OpenIncident:
    """Open one incident, as the judge does."""

    def open_incident(
        kind: Kind = Kind.SIGN_IN_ATTACK,
        *,
        site: RegisteredSite | None = None,
        at: datetime | None = None,
        subject: str = "",
        **facts: Any,
    ) -> Incident:
        at = at or timezone.now()
        (incident,) = open_incidents(
            [
                NewIncident(
                    kind,
                    facts.pop("title", "Something has happened"),
                    facts.pop("detail", "At noon."),
                    since=at - timedelta(minutes=1),
                    site_id=uuid.UUID(site.site_id) if site else None,
                    subject=subject,
                    **facts,
                )
            ],
            at=at,
        )
        return incident

    return open_incident


@pytest.fixture
def by_anna(anna: Admin) -> Actor:
    return Actor(Event.Source.API, anna, ip="127.0.0.1")


@pytest.fixture
def private_addresses(settings: LazySettings) -> None:
    """Channels may have addresses on this machine."""
    settings.ALERT_ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def estate(db: None) -> Estate:
    return Estate()
