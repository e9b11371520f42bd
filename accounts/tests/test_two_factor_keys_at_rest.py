"""Second factors in the database are readable only for their owner, with a key that is not in the database."""

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts.models import Admin, RecoveryCode, TotpDevice
from accounts.tests.factors import app_of
from accounts.tests.tokens import login
from accounts.two_factor.encryption import DecryptionFailed, decrypt, digests, encrypt

pytestmark = pytest.mark.any_database

OLD, NEW = "old " + "0123456789abcdef" * 3, "new " + "0123456789abcdef" * 3


def test_only_its_owner_can_decrypt_a_text() -> None:
    ciphertext = encrypt("secret", owner=1)
    assert decrypt(ciphertext, owner=1) == "secret"
    with pytest.raises(DecryptionFailed):
        decrypt(ciphertext, owner=2)


def test_the_same_text_is_never_encrypted_to_the_same() -> None:
    assert encrypt("secret", owner=1) != encrypt("secret", owner=1)


@pytest.mark.parametrize("place", [0, 12, -1])
def test_an_altered_ciphertext_is_refused(place: int) -> None:
    ciphertext = bytearray(encrypt("secret", owner=1))
    ciphertext[place] ^= 1
    with pytest.raises(DecryptionFailed):
        decrypt(bytes(ciphertext), owner=1)


@pytest.mark.parametrize("ciphertext", [b"", b"x" * 12, b"x" * 40])
def test_what_is_no_ciphertext_is_refused(ciphertext: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        decrypt(ciphertext, owner=1)


def test_a_secret_copied_to_another_admins_row_signs_nobody_in(anna: Admin, ben: Admin) -> None:
    app_of(anna)
    thief = app_of(ben)
    TotpDevice.objects.filter(admin=anna).update(encrypted_secret=TotpDevice.objects.get(admin=ben).encrypted_secret)
    TotpDevice.objects.update(last_step=0)
    assert login("anna", otp=thief.code()).status_code == 401
    assert login("ben", otp=thief.code()).status_code == 200


def test_a_recovery_code_copied_to_another_admin_signs_nobody_in(anna: Admin, ben: Admin) -> None:
    app_of(anna)
    thief = app_of(ben)
    RecoveryCode.objects.filter(admin=anna).delete()
    RecoveryCode.objects.filter(admin=ben).update(admin=anna)
    assert login("anna", otp=thief.recovery_codes[0]).status_code == 401


def test_a_new_key_before_the_old_one_decrypts_what_was_encrypted_before(anna: Admin) -> None:
    with override_settings(TWO_FACTOR_KEYS=[OLD]):
        app = app_of(anna)
    with override_settings(TWO_FACTOR_KEYS=[NEW, OLD]):
        assert login(otp=app.fresh_code()).status_code == 200
        assert login(otp=app.recovery_codes[0]).status_code == 200
    with override_settings(TWO_FACTOR_KEYS=[NEW]):
        assert login(otp=app.recovery_codes[1]).status_code == 401


def test_an_app_that_is_used_is_encrypted_again_with_the_newest_key(anna: Admin) -> None:
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
