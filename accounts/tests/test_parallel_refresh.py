"""The same refresh token in two hands at the same moment: useful to one of them at most."""

import pytest
from django.db import connection

from accounts.models import Admin, TokenFamily
from accounts.tests.side_by_side import side_by_side
from accounts.tests.tokens import pair, refresh

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks"),
]


@pytest.mark.parametrize("hands", [2, 8])
def test_of_parallel_refreshes_at_most_one_wins_and_the_family_ends(
    transactional_db: None, anna: Admin, hands: int
) -> None:
    for _ in range(5):
        token = pair()["refresh"]
        family = TokenFamily.objects.latest("created_at")
        answers = side_by_side(*[lambda token=token: refresh(token)] * hands)
        won = [answer for answer in answers if answer.status_code == 200]
        assert sorted({answer.status_code for answer in answers}) in ([200, 401], [401])
        assert len(won) <= 1
        family.refresh_from_db()
        assert family.end_reason == "reused"
        for answer in won:
            assert refresh(answer.json()["refresh"]).status_code == 401
