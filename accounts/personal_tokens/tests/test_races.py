"""Two things at the same moment. Real threads, real row locks."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.errors import PersonalTokenNotFound, SignInEnded, TooManyPersonalTokens
from accounts.models import Admin, PersonalToken
from accounts.personal_tokens import services
from accounts.personal_tokens.services import revoke_personal_token
from accounts.personal_tokens.tests.scripts import READS, a_token, script
from accounts.services import change_admin
from accounts.tests.side_by_side import side_by_side
from audit.actors import COMMAND
from audit.chain import first_finding
from audit.models import Event
from common.errors import DomainError

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks"),
]


def refused(call: Callable[[], Any], error: type[DomainError]) -> bool:
    try:
        call()
    except error:
        return True
    return False


def test_an_account_that_is_being_disabled_keeps_no_token(transactional_db: None, anna: Admin, ben: Admin) -> None:
    for _ in range(10):
        Admin.objects.filter(pk=ben.pk).update(is_active=True)
        ben.refresh_from_db()
        side_by_side(
            lambda: refused(lambda: a_token(ben), SignInEnded),
            lambda: refused(lambda: a_token(ben), SignInEnded),
            lambda: bool(change_admin(ben.pk, {"is_active": False}, by=COMMAND, at=timezone.now())),
        )
        assert not PersonalToken.objects.filter(admin=ben, revoked_at=None).exists()
    assert first_finding() is None


def test_the_bound_holds_for_those_who_come_together(
    transactional_db: None, anna: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_LIVE", 3)
    results = side_by_side(*[lambda: refused(lambda: a_token(anna), TooManyPersonalTokens)] * 8)
    assert sorted(results) == [False] * 3 + [True] * 5


def test_of_two_who_revoke_a_token_one_does_and_leaves_one_event(transactional_db: None, anna: Admin) -> None:
    token = a_token(anna).token

    def revoke() -> bool:
        now = timezone.now()
        return refused(
            lambda: revoke_personal_token(token.pk, owner_id=anna.pk, by=COMMAND, at=now), PersonalTokenNotFound
        )

    assert sorted(side_by_side(*[revoke] * 4)) == [False, True, True, True]
    assert Event.objects.filter(action="admin.token_revoked").count() == 1


def test_a_request_that_begins_after_the_revocation_is_refused_however_many_run(
    transactional_db: None, anna: Admin
) -> None:
    """And none of those that run at the same moment fails otherwise."""
    new = a_token(anna)

    def use() -> list[int]:
        client = script(new.secret)
        return [client.get("/api/auth/me").status_code for _ in range(10)]

    def revoke() -> list[int]:
        revoke_personal_token(new.token.pk, owner_id=anna.pk, by=COMMAND, at=timezone.now())
        return [script(new.secret).get("/api/auth/me").status_code]

    results = side_by_side(use, use, use, revoke)
    assert [401] in results
    for statuses in results:
        assert statuses == sorted(statuses)
        assert set(statuses) <= {200, 401}


def test_the_record_of_the_last_use_waits_for_nobody(transactional_db: None, anna: Admin) -> None:
    new = a_token(anna)

    def hold() -> float:
        with transaction.atomic():
            PersonalToken.objects.select_for_update().get(pk=new.token.pk)
            time.sleep(1.5)
        return 0.0

    def use() -> float:
        time.sleep(0.3)
        began = time.monotonic()
        assert script(new.secret).get("/api/auth/me").status_code == 200
        return time.monotonic() - began

    assert max(side_by_side(hold, use)) < 1
    assert PersonalToken.objects.get().last_used_at is None
    assert script(new.secret).get("/api/auth/me").json()["permissions"] == READS
    assert PersonalToken.objects.get().last_used_at is not None


def test_many_requests_at_once_write_the_last_use_once(transactional_db: None, anna: Admin) -> None:
    new = a_token(anna)
    side_by_side(*[lambda: script(new.secret).get("/api/auth/me").status_code] * 6)
    first = PersonalToken.objects.get().last_used_at
    assert first is not None
    side_by_side(*[lambda: script(new.secret).get("/api/auth/me").status_code] * 6)
    assert PersonalToken.objects.get().last_used_at == first
    assert timezone.now() - first < timedelta(minutes=1)
