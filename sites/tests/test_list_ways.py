"""PostgreSQL finds a page by several strategies. Each must give what the ORM gives."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.db import connection
from django.db.models import Q
from rest_framework.test import APIClient

from audit.actors import COMMAND
from panel.sites.list import triage_postgresql
from panel.sites.list.triage import find_triage_page, in_triage_order
from sites.attention import pulses_needing_attention
from sites.listing import postgresql
from sites.listing.pages import find_page
from sites.listing.query import SiteQuery
from sites.models import SitePulse, SiteTag
from sites.querysets import containing, unlicensed_at
from sites.services import add_tags, deregister_site, lock_site, register_site, update_site
from sites.status import SiteStatus, status_conditions

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
ORDERS = ("name", "created_at", "license_expires_at", "pulse__last_seen_at", "pulse__version")
BOUNDS = (
    "LOOK_UP_AT_MOST",
    "SORT_AT_MOST",
    "SORT_TEXT_MATCHES_AT_MOST",
    "ASK_PULSES_UP_TO_ROW",
    "SAMPLE_ROWS",
)
# As with many sites, with a small distance between the bounds; then each strategy alone.
VALUES = [
    (2, 5, 8, 4, 6),
    *(
        pytest.param(values, marks=pytest.mark.long)
        for values in ((0, 100, 0, 0, 1), (0, 0, 0, 100, 4), (100, 100, 100, 100, 100), (0, 0, 0, 0, 100))
    ),
]
# As the filter by tag asks.
TAGGED = Q(pk__in=SiteTag.objects.filter(name="pilot").values("site"))
ON_SITE = [Q(), Q(is_locked=True), unlicensed_at(AT)]
ON_TEXT = [Q(), containing("ROMA"), TAGGED, containing("ROMA") & TAGGED]
ON_PULSE = [
    Q(),
    Q(version="2.0.0"),
    pulses_needing_attention(AT),
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
        if number % 3 == 1:
            add_tags(site.pk, tags=["pilot"], by=COMMAND, at=AT)
        if number % 6 == 2:
            update_site(site.pk, {"is_active": False}, by=COMMAND, at=AT)
        if number % 5 == 4:
            deregister_site(site.pk, by=COMMAND, at=AT)


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere the ORM finds every page")
@pytest.mark.usefixtures("_street")
@pytest.mark.parametrize("values", VALUES, ids=str)
def test_every_strategy_finds_the_same_sites(monkeypatch: pytest.MonkeyPatch, values: tuple[int, ...]) -> None:
    for module in (postgresql, triage_postgresql):
        for name, value in zip(BOUNDS, values, strict=True):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    for on_site, on_text, on_pulse, descending in product(ON_SITE, ON_TEXT, ON_PULSE, (False, True)):
        conditions = {"on_site": on_site, "on_text": on_text, "on_pulse": on_pulse, "descending": descending}
        for order in (*ORDERS, "triage"):
            if order == "triage":
                query = SiteQuery(at=AT, **conditions)
                find, in_order = find_triage_page, in_triage_order(query)
            else:
                query = SiteQuery(at=AT, order=order, **conditions)
                find, in_order = find_page, query.in_order()
            ids = list(in_order.values_list("pk", flat=True))
            for rows in (slice(0, 4), slice(8, 12)):
                page = find(query, rows)
                assert (page.total, [site.pk for site in page.sites]) == (len(ids), ids[rows])


def test_a_term_that_looks_like_sql_or_a_placeholder_stands_for_itself(api: APIClient) -> None:
    register_site(name="50%s %(at)s %% '; --", owner_name="G", contact_email="g@roma.example", by=COMMAND, at=AT)
    for term in ("50%s", "%(at)s", "%%", "'; --", "s %("):
        assert api.get("/api/sites", {"search": term}).json()["count"] == 1
    assert api.get("/api/sites", {"version": "%s"}).json()["count"] == 0
