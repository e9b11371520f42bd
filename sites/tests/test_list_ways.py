"""PostgreSQL finds the list's page in several ways, by how many sites match. Each must give what the plain question gives."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.db import connection
from django.db.models import Q
from rest_framework.test import APIClient

from audit.actors import COMMAND
from sites import choice
from sites.listing import SiteList
from sites.models import Site, SitePulse
from sites.querysets import (
    PANEL_ORDERINGS,
    SiteStatus,
    containing,
    needing_attention,
    status_conditions,
    unlicensed_at,
)
from sites.services import deregister_site, lock_site, register_site, update_site

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
BOUNDS = ("LOOKED_UP", "REMEMBERED", "SORTED", "WALKED", "SAMPLE")
# As on a large estate, with a hand's breadth between the ways; then each way alone.
WAYS = [(2, 5, 8, 4, 6), (100, 100, 100, 100, 100), (0, 100, 0, 0, 1), (0, 0, 0, 100, 4), (0, 0, 0, 0, 100)]
OF_SITE = [Q(), Q(is_locked=True), unlicensed_at(AT)]
OF_TEXT = [Q(), containing("ROMA")]
OF_PULSE = [
    Q(),
    Q(version="2.0.0"),
    needing_attention(AT),
    Q(last_seen_at__lt=AT - timedelta(hours=7)),
    *(
        status_conditions(AT, pulse="")[status]
        for status in (SiteStatus.NEVER_SEEN, SiteStatus.ONLINE, SiteStatus.LATE)
    ),
]


@pytest.fixture
def _street(db: None) -> None:
    """Twenty-four restaurants of six names, in all states; every fifth deregistered, two at a time last seen at once."""
    for number in range(24):
        site = register_site(
            name=["Roma", "Milano", "Roma 100%", "Siena", "Capri", "Etna"][number % 6],
            owner_name="Giulia",
            contact_email="giulia@roma.example" if number % 4 else "giulia@vendor.example",
            license_expires_at=AT + timedelta(days=number % 7 - 1),
            by=COMMAND,
            at=AT - timedelta(days=number % 8),
        ).site
        seen = AT - timedelta(hours=number // 2)
        if number % 3:
            SitePulse.objects.filter(pk=site.pk).update(
                last_seen_at=seen, due_at=seen + timedelta(hours=6), version="2.0.0" if number % 2 else "1.0.0"
            )
        if number % 4 == 1:
            lock_site(site.pk, reason="unpaid", by=COMMAND, at=AT)
        if number % 6 == 2:
            update_site(site.pk, {"is_active": False}, by=COMMAND, at=AT)
        if number % 5 == 4:
            deregister_site(site.pk, by=COMMAND, at=AT)


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere there is one way")
@pytest.mark.usefixtures("_street")
@pytest.mark.parametrize("bounds", WAYS, ids=str)
def test_every_way_finds_the_same_sites(monkeypatch: pytest.MonkeyPatch, bounds: tuple[int, ...]) -> None:
    for name, bound in zip(BOUNDS, bounds, strict=True):
        monkeypatch.setattr(choice, name, bound)
    for of_site, of_text, of_pulse in product(OF_SITE, OF_TEXT, OF_PULSE):
        pulses = SitePulse.objects.filter(of_pulse)
        expected = Site.objects.live().filter(of_site, of_text, pk__in=pulses)
        for sign, name in product(("", "-"), [*PANEL_ORDERINGS, "triage"]):
            triaged = expected.triaged(at=AT, best_first=sign == "-")
            in_order = triaged if name == "triage" else expected.sorted_by(sign + name)
            ids = list(in_order.values_list("pk", flat=True))
            for rows in (slice(0, 4), slice(8, 12)):
                page = SiteList(of_site, of_text, of_pulse, by=sign + name, at=AT)
                page.expect(rows)
                assert (page.count(), [site.pk for site in page[rows]]) == (len(ids), ids[rows])


def test_a_term_that_looks_like_sql_or_a_placeholder_stands_for_itself(api: APIClient) -> None:
    register_site(name="50%s %(at)s %% '; --", owner_name="G", contact_email="g@roma.example", by=COMMAND, at=AT)
    for term in ("50%s", "%(at)s", "%%", "'; --", "s %("):
        assert api.get("/api/sites", {"search": term}).json()["count"] == 1
    assert api.get("/api/sites", {"version": "%s"}).json()["count"] == 0
