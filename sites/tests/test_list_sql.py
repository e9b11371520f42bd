"""The SQL of each strategy by which PostgreSQL finds a page of the list, as it is sent."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Q

from sites.listing import postgresql
from sites.listing.query import SiteQuery
from sites.querysets import containing
from sites.status import SiteStatus, status_conditions
from sites.tests.sql_files import assert_same_sql

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="is about PostgreSQL's statements"),
    pytest.mark.django_db,
]

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATE = status_conditions(AT, pulse="")[SiteStatus.LATE]
ROWS = slice(100, 150)
EXPIRING = Q(license_expires_at__lt=AT + timedelta(days=30))

CASES = {
    "walk_sites": (postgresql.WALK_SITES, SiteQuery(at=AT, on_site=Q(is_locked=False))),
    "sort_sites_with_text": (postgresql.SORT_SITES_WITH_TEXT, SiteQuery(at=AT, on_text=containing("Roma"))),
    "sort_sites_of_pulses": (postgresql.SORT_SITES_OF_PULSES, SiteQuery(at=AT, on_pulse=LATE)),
    "walk_sites_asking_pulses": (
        postgresql.WALK_SITES_ASKING_PULSES,
        SiteQuery(at=AT, on_site=EXPIRING, on_pulse=LATE, order="license_expires_at", descending=True),
    ),
    "walk_sites_knowing_pulses": (postgresql.WALK_SITES_KNOWING_PULSES, SiteQuery(at=AT, on_pulse=LATE)),
    "sort_pulses": (
        postgresql.SORT_PULSES,
        SiteQuery(at=AT, on_site=Q(is_locked=True), on_pulse=LATE, order="pulse__last_seen_at"),
    ),
    "scan_pulses": (postgresql.SCAN_PULSES, SiteQuery(at=AT, order="pulse__last_seen_at", descending=True)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_sql_is_the_one_in_the_file(name: str) -> None:
    statement, query = CASES[name]
    sql = postgresql.render(statement, query, ROWS, at_most=postgresql.SORT_AT_MOST)
    assert_same_sql(sql, Path(__file__).parent / "sql" / f"{name}.sql")


def test_every_strategy_has_a_file() -> None:
    names = {
        name.lower()
        for name, value in vars(postgresql).items()
        if isinstance(value, str) and value.startswith("\nWITH sites")
    }
    assert names == set(CASES) == {file.stem for file in (Path(__file__).parent / "sql").glob("*.sql")}
