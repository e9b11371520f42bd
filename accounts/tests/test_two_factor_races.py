"""Of two uses of the same code at the same moment, one wins. Real threads, real row locks."""

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Admin, RecoveryCode, SecurityKey
from accounts.tests.factors import SECOND, after_password, app_of
from accounts.tests.side_by_side import side_by_side
from accounts.tests.tokens import login
from accounts.two_factor.security_keys import NewCredential
from accounts.two_factor.services import add_security_key
from audit.actors import COMMAND

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks"),
]


def test_one_code_of_an_app_signs_in_once(transactional_db: None, anna: Admin) -> None:
    app = app_of(anna)
    for _ in range(3):
        code = app.fresh_code()
        answers = side_by_side(*[lambda code=code: login(otp=code).status_code] * 6)
        assert sorted(answers) == [200] + [401] * 5


def test_one_recovery_code_signs_in_once(transactional_db: None, anna: Admin) -> None:
    for code in app_of(anna).recovery_codes[:3]:
        answers = side_by_side(*[lambda code=code: login(otp=code).status_code] * 6)
        assert sorted(answers) == [200] + [401] * 5


def test_one_code_signs_one_of_two_browsers_in(transactional_db: None, anna: Admin) -> None:
    app = app_of(anna)
    browsers = [after_password() for _ in range(4)]
    code = app.fresh_code()
    answers = side_by_side(
        *[lambda client=client: client.post(SECOND, {"code": code}).status_code for client in browsers]
    )
    assert sorted(answers) == [200, 200, 200, 302]


def test_two_first_factors_at_once_make_one_set_of_recovery_codes(transactional_db: None, anna: Admin) -> None:
    def add(name: str) -> bool:
        made = NewCredential(name.encode(), b"credential", 0)
        added = add_security_key(anna.pk, name, made, host="localhost", by=COMMAND, at=timezone.now())
        return added.recovery_codes is not None

    assert sorted(side_by_side(lambda: add("one"), lambda: add("two"))) == [False, True]
    assert SecurityKey.objects.count() == 2
    assert RecoveryCode.objects.count() == 10
