"""What the database holds of second factors opens for its owner alone, with a key that is not in it."""

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import Admin, RecoveryCode, TotpDevice
from accounts.tests.factors import app_of
from accounts.tests.tokens import login
from accounts.two_factor.encryption import Unreadable, digests, opened, sealed

OLD, NEW = "old " + "0123456789abcdef" * 3, "new " + "0123456789abcdef" * 3


def test_a_sealed_text_opens_for_its_owner_alone() -> None:
    box = sealed("secret", owner=1)
    assert opened(box, owner=1) == "secret"
    with pytest.raises(Unreadable):
        opened(box, owner=2)


def test_the_same_text_is_never_sealed_alike() -> None:
    assert sealed("secret", owner=1) != sealed("secret", owner=1)


@pytest.mark.parametrize("place", [0, 12, -1])
def test_a_changed_box_does_not_open(place: int) -> None:
    box = bytearray(sealed("secret", owner=1))
    box[place] ^= 1
    with pytest.raises(Unreadable):
        opened(bytes(box), owner=1)


@pytest.mark.parametrize("box", [b"", b"x" * 12, b"x" * 40])
def test_what_is_no_box_does_not_open(box: bytes) -> None:
    with pytest.raises(Unreadable):
        opened(box, owner=1)


def test_a_secret_copied_to_another_admins_row_signs_nobody_in(anna: Admin, ben: Admin) -> None:
    app_of(anna)
    thief = app_of(ben)
    TotpDevice.objects.filter(admin=anna).update(sealed_secret=TotpDevice.objects.get(admin=ben).sealed_secret)
    TotpDevice.objects.update(last_step=0)
    assert login("anna", otp=thief.code()).status_code == 401
    assert login("ben", otp=thief.code()).status_code == 200


def test_a_recovery_code_copied_to_another_admin_signs_nobody_in(anna: Admin, ben: Admin) -> None:
    app_of(anna)
    thief = app_of(ben)
    RecoveryCode.objects.filter(admin=anna).delete()
    RecoveryCode.objects.filter(admin=ben).update(admin=anna)
    assert login("anna", otp=thief.recovery_codes[0]).status_code == 401


def test_a_new_key_before_the_old_one_opens_what_was_sealed_before(anna: Admin) -> None:
    with override_settings(TWO_FACTOR_KEYS=[OLD]):
        app = app_of(anna)
    with override_settings(TWO_FACTOR_KEYS=[NEW, OLD]):
        assert login(otp=app.fresh_code()).status_code == 200
        assert login(otp=app.recovery_codes[0]).status_code == 200
    with override_settings(TWO_FACTOR_KEYS=[NEW]):
        assert login(otp=app.recovery_codes[1]).status_code == 401


def test_an_app_that_is_used_is_sealed_anew_with_the_newest_key(anna: Admin) -> None:
    with override_settings(TWO_FACTOR_KEYS=[OLD]):
        app = app_of(anna)
    with override_settings(TWO_FACTOR_KEYS=[NEW, OLD]):
        assert login(otp=app.fresh_code()).status_code == 200
    with override_settings(TWO_FACTOR_KEYS=[NEW]):
        assert login(otp=app.fresh_code()).status_code == 200


def test_a_lost_key_refuses_and_says_so_in_the_log(anna: Admin, caplog: pytest.LogCaptureFixture) -> None:
    app = app_of(anna)
    with override_settings(TWO_FACTOR_KEYS=[NEW]):
        assert login(otp=app.fresh_code()).status_code == 401
    assert "has TWO_FACTOR_KEY changed?" in caplog.text
    assert app.secret not in caplog.text


def test_digests_differ_from_owner_to_owner_and_key_to_key() -> None:
    with override_settings(TWO_FACTOR_KEYS=[NEW, OLD]):
        found = {*digests("code", owner=1), *digests("code", owner=2)}
    assert len(found) == 4


def test_the_moment_of_use_is_kept(anna: Admin) -> None:
    app = app_of(anna)
    before = timezone.now()
    assert login(otp=app.recovery_codes[0]).status_code == 200
    assert RecoveryCode.objects.get(used_at__gt=before).admin == anna
