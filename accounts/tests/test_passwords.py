"""How passwords are kept, and how the first sysadmin comes to be."""

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import CommandError, call_command

from accounts.hashers import Argon2Hasher
from accounts.models import Admin
from accounts.tests.tokens import login, me
from config import settings as shipped

FIRST = {"USERNAME": "root", "EMAIL": "root@vendor.example", "PASSWORD": "a long first password"}


@pytest.fixture
def _shipped_hashers(settings) -> None:
    settings.PASSWORD_HASHERS = shipped.PASSWORD_HASHERS


@pytest.fixture
def _first_admin_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FIRST.items():
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", value)


@pytest.mark.usefixtures("_shipped_hashers")
def test_passwords_are_kept_with_argon2id_of_19_mib_and_one_lane() -> None:
    encoded = make_password("secret")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password("secret", encoded)
    assert not check_password("Secret", encoded)
    assert Argon2Hasher().must_update(encoded) is False


@pytest.mark.usefixtures("_shipped_hashers")
def test_an_older_hash_is_renewed_at_the_next_login(anna: Admin) -> None:
    Admin.objects.update(password=make_password("an older password", hasher="pbkdf2_sha256"))
    assert login(password="an older password").status_code == 200
    anna.refresh_from_db()
    assert anna.password.startswith("argon2$")


@pytest.mark.usefixtures("_first_admin_in_the_environment")
def test_createsuperuser_takes_the_first_sysadmin_from_the_environment(db: None) -> None:
    call_command("createsuperuser", interactive=False, verbosity=0)
    admin = Admin.objects.get()
    assert (admin.username, admin.email, admin.role, admin.is_active) == (
        "root",
        "root@vendor.example",
        "sysadmin",
        True,
    )
    assert me(login("root", FIRST["PASSWORD"]).json()["access"]).json()["role"] == "sysadmin"


@pytest.mark.usefixtures("_first_admin_in_the_environment")
def test_createsuperuser_does_not_make_the_same_admin_twice(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("createsuperuser", interactive=False, verbosity=0)
    with pytest.raises(CommandError, match="taken"):
        call_command("createsuperuser", interactive=False, verbosity=0)
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "ROOT")
    with pytest.raises(CommandError):
        call_command("createsuperuser", interactive=False, verbosity=0)
    assert Admin.objects.count() == 1
