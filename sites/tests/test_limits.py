"""Services check every limit themselves, so that no door can go round one."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.actors import COMMAND
from audit.models import Event
from common.errors import InvalidInput
from sites import services
from sites.limits import (
    MAX_EMAIL_LENGTH,
    MAX_EXTENSION_DAYS,
    MAX_NAME_LENGTH,
    MAX_OVERLAP_HOURS,
    MAX_REASON_LENGTH,
    MAX_ZONE_LENGTH,
)
from sites.models import Site, SiteKey

pytestmark = pytest.mark.any_database

FACTS: dict[str, Any] = {"name": "Trattoria Roma", "owner_name": "Giulia", "contact_email": "giulia@roma.example"}
TOO_LONG = "x" * (MAX_REASON_LENGTH + 1)


@pytest.fixture
def site(db: None) -> Site:
    return services.register_site(**FACTS, by=COMMAND, at=timezone.now()).site


def refused_field(service: Callable[..., Any], *arguments: Any, **facts: Any) -> str | None:
    """The field that the service's refusal names; nothing was written."""
    before = list(Site.objects.values()), SiteKey.objects.count(), Event.objects.count()
    with pytest.raises(InvalidInput) as refusal:
        service(*arguments, by=COMMAND, at=timezone.now(), **facts)
    assert before == (list(Site.objects.values()), SiteKey.objects.count(), Event.objects.count())
    return refusal.value.field


WRONG_VALUES = [
    ("name", ""),
    ("name", "   "),
    ("name", "x" * (MAX_NAME_LENGTH + 1)),
    ("name", "two\nlines"),
    ("name", None),
    ("owner_name", ""),
    ("owner_name", "x" * (MAX_NAME_LENGTH + 1)),
    ("contact_email", "giulia"),
    ("contact_email", "a@" + "b." * MAX_EMAIL_LENGTH + "example"),
    ("timezone", "Mars/Phobos"),
    ("timezone", "x" * (MAX_ZONE_LENGTH + 1)),
    ("license_expires_at", datetime(2030, 1, 1)),  # noqa: DTZ001 - without an offset, which is the point
    ("license_expires_at", "tomorrow"),
]


@pytest.mark.parametrize(("field", "value"), WRONG_VALUES)
def test_no_site_is_registered_or_changed_beyond_the_rules(site: Site, field: str, value: Any) -> None:
    assert refused_field(services.register_site, **{**FACTS, field: value}) == field
    assert refused_field(services.update_site, site.pk, {field: value}) == field


def test_a_site_is_active_or_not(site: Site) -> None:
    for value in (None, 0, "false"):
        assert refused_field(services.update_site, site.pk, {"is_active": value}) == "is_active"


@pytest.mark.parametrize("reason", ["", "   ", TOO_LONG, "\x07", "\udcff", None, 5])
def test_a_lock_needs_a_reason_within_the_limit(site: Site, reason: Any) -> None:
    assert refused_field(services.lock_site, site.pk, reason=reason) == "reason"


@pytest.mark.parametrize("text", [TOO_LONG, "\x07", "\udcff", 5])
def test_a_note_or_reason_for_the_history_is_within_the_limit(site: Site, text: Any) -> None:
    services.lock_site(site.pk, reason="unpaid", by=COMMAND, at=timezone.now())
    assert refused_field(services.unlock_site, site.pk, note=text) == "note"
    assert refused_field(services.extend_license, site.pk, days=1, note=text) == "note"
    assert refused_field(services.register_site, **FACTS, reason=text) == "reason"
    assert refused_field(services.update_site, site.pk, {"name": "Roma"}, reason=text) == "reason"
    assert refused_field(services.deactivate_site, site.pk, reason=text) == "reason"
    assert refused_field(services.deregister_site, site.pk, reason=text) == "reason"
    services.deregister_site(site.pk, by=COMMAND, at=timezone.now())
    assert refused_field(services.restore_site, site.pk, reason=text) == "reason"


@pytest.mark.parametrize("days", [0, -1, MAX_EXTENSION_DAYS + 1, True, 1.5])
def test_a_licence_is_extended_by_a_number_of_days_within_the_limit(site: Site, days: Any) -> None:
    assert refused_field(services.extend_license, site.pk, days=days) == "days"


def test_a_licence_is_extended_until_an_instant(site: Site) -> None:
    assert refused_field(services.extend_license, site.pk, until=datetime(9000, 1, 1)) == "until"  # noqa: DTZ001


@pytest.mark.parametrize(
    "overlap", [timedelta(microseconds=-1), timedelta(hours=MAX_OVERLAP_HOURS, microseconds=1), timedelta.max]
)
def test_an_overlap_is_within_the_limit(site: Site, overlap: timedelta) -> None:
    assert refused_field(services.rotate_key, site.pk, overlap=overlap) == "overlap_hours"


def test_the_largest_of_everything_is_taken(site: Site) -> None:
    at = timezone.now()
    name, reason = "🍕" * MAX_NAME_LENGTH, "🍕" * MAX_REASON_LENGTH
    facts = {"name": name, "owner_name": name, "license_expires_at": datetime(2030, 1, 1, tzinfo=UTC)}
    services.update_site(site.pk, facts, by=COMMAND, at=at, reason=reason)
    services.lock_site(site.pk, reason=reason, by=COMMAND, at=at)
    services.unlock_site(site.pk, note=reason, by=COMMAND, at=at)
    services.extend_license(site.pk, days=MAX_EXTENSION_DAYS, note=reason, by=COMMAND, at=at)
    services.rotate_key(site.pk, overlap=timedelta(hours=MAX_OVERLAP_HOURS), by=COMMAND, at=at)
    services.deregister_site(site.pk, reason=reason, by=COMMAND, at=at)
    assert Site.objects.get().name == name


def test_a_site_is_refused_before_it_is_looked_for(db: None) -> None:
    assert refused_field(services.lock_site, uuid.uuid4(), reason="") == "reason"
