"""Pages of lists that no database can count to."""

import pytest
from rest_framework.test import APIClient

from sites.tests.conftest import assert_problem

pytestmark = pytest.mark.django_db

LISTS = ("devices", "locations", "organizations", "firmware", "rollouts", "alert-channels", "sites")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("page", ["2147483648", "99999999999999999999", "9" * 300])
def test_a_page_past_any_end_is_not_there(api: APIClient, name: str, page: str) -> None:
    for query in (f"page={page}", f"page={page}&page_size=7"):
        assert_problem(api.get(f"/api/{name}?{query}"), 404, "not_found")
