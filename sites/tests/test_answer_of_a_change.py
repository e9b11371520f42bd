"""The answer to a change shows that very change: it is read before anybody else can make another one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from conftest import RegisteredSite


@pytest.mark.parametrize(("action", "body"), [("lock", {"reason": "unpaid"}), ("extend", {"days": 5})])
def test_it_is_read_in_the_transaction_of_the_change(
    transactional_db: None, api: APIClient, roma: RegisteredSite, action: str, body: dict[str, object]
) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert api.post(f"{roma.path}/{action}", body).status_code == 200
    statements = [query["sql"] for query in queries]
    changed = next(number for number, sql in enumerate(statements) if sql.startswith('UPDATE "sites_site"'))
    read = max(number for number, sql in enumerate(statements) if sql.startswith("SELECT") and "sites_sitepulse" in sql)
    assert changed < read < statements.index("COMMIT")
