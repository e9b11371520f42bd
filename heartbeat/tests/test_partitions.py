"""Where the history cannot be partitioned. tests/test_partitions.py converts a real table."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from heartbeat.partitions import Month


@pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")
def test_sqlite_has_no_partitions(db: None) -> None:
    with pytest.raises(CommandError, match=r"^Only PostgreSQL has partitions\.$"):
        call_command("partition_history")


def test_months_go_on_over_the_end_of_the_year() -> None:
    assert [str(Month(2026, 11).later(months)) for months in (0, 1, 2, 14)] == [
        "2026_11",
        "2026_12",
        "2027_01",
        "2028_01",
    ]
    assert str(Month(2026, 12).later(12)) == "2027_12"
