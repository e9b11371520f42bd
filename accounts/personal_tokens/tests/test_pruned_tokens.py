"""Tokens are deleted a month after their end."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Admin, PersonalToken
from accounts.personal_tokens.tests.scripts import a_token
from accounts.prune import prune_sign_ins

pytestmark = pytest.mark.django_db
MADE = datetime(2026, 6, 1, tzinfo=UTC)


def test_ended_tokens_are_kept_for_thirty_days(anna: Admin) -> None:
    a_token(anna, name="without an end", at=MADE)
    a_token(anna, name="expires", at=MADE, expires_at=MADE + timedelta(days=1))
    revoked = a_token(anna, name="revoked", at=MADE, expires_at=MADE + timedelta(days=900)).token
    PersonalToken.objects.filter(pk=revoked.pk).update(revoked_at=MADE + timedelta(days=1))
    assert prune_sign_ins(at=MADE + timedelta(days=31))["personal_tokens"] == 0
    assert prune_sign_ins(at=MADE + timedelta(days=31, seconds=1))["personal_tokens"] == 2
    assert PersonalToken.objects.get().name == "without an end"
