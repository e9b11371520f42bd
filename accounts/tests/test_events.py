"""Every change of an admin is one event, in the transaction of the change, with its actor and its moment."""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from unittest import mock

import pyotp
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import services
from accounts.events import ADMIN, AdminAction
from accounts.models import Admin, PanelSession, RecoveryCode, SecurityKey, TokenFamily, TotpDevice
from accounts.sessions import session_digest
from accounts.tests.factors import App, SoftKey, app_of, register_key, signed_in
from accounts.tests.tokens import pair
from accounts.two_factor import services as two_factor
from accounts.two_factor.codes import new_secret
from accounts.two_factor.security_keys import NewCredential
from audit.actors import COMMAND, Actor
from audit.models import Event
from common.instants import format_instant
from conftest import PASSWORD

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NEW_PASSWORD = "another horse battery staple"
Change = Callable[[], object]


@pytest.fixture
def by(anna: Admin) -> Actor:
    return Actor(Event.Source.ADMIN, anna, "203.0.113.7", "trace-1")


def tables() -> list[Any]:
    models = (Admin, PanelSession, TokenFamily, TotpDevice, SecurityKey, RecoveryCode, Event)
    return [list(model.objects.order_by("pk").values()) for model in models]


def add_totp(admin: Admin, by: Actor) -> object:
    secret = new_secret()
    return two_factor.add_totp(admin.pk, secret, code=pyotp.TOTP(secret).at(NOW), by=by, at=NOW)


def add_key(admin: Admin, by: Actor) -> object:
    credential = NewCredential(secrets.token_bytes(16), b"public", 0)
    return two_factor.add_security_key(admin.pk, "blue", credential, host="localhost", by=by, at=NOW)


def remove_key(admin: Admin, by: Actor) -> object:
    return two_factor.remove_security_key(admin.pk, admin.security_keys.get().pk, by=by, at=NOW)


def end_browser(admin: Admin, by: Actor) -> object:
    return services.end_browser_session(admin, PanelSession.objects.filter(admin=admin)[0].pk, by=by, at=NOW)


def end_api_sign_in(admin: Admin, by: Actor) -> object:
    return services.end_api_sign_in(admin, TokenFamily.objects.filter(admin=admin)[0].pk, by=by, at=NOW)


def change(**fields: Any) -> Callable[[Admin, Actor], object]:
    return lambda admin, by: services.change_admin(admin.pk, fields, by=by, at=NOW)


# What each service does to ben, who has an app, a security key, a browser and an API sign-in; and the event that it leaves.
CHANGES: list[tuple[str, Callable[[Admin, Actor], object], dict[str, Any] | None]] = [
    ("role_changed", change(role="viewer"), {"role": ["support", "viewer"]}),
    ("email_changed", change(email="b@x.example"), {"email": ["ben@vendor.example", "b@x.example"]}),
    ("disabled", change(is_active=False), {"is_active": [True, False]}),
    ("password_changed", lambda ben, by: services.change_own_password(ben, NEW_PASSWORD, by=by, at=NOW), {}),
    (
        "password_reset",
        lambda ben, by: services.reset_password(ben.pk, NEW_PASSWORD, by=by, at=NOW),
        {"has_password": [True, True]},
    ),
    (
        "password_reset",
        lambda ben, by: services.reset_password(ben.pk, None, by=by, at=NOW),
        {"has_password": [True, False]},
    ),
    ("authenticator_app_added", add_totp, {"authenticator_app": ["another app", "added"]}),
    (
        "authenticator_app_removed",
        lambda ben, by: two_factor.remove_totp(ben.pk, by=by, at=NOW),
        {"authenticator_app": ["added", None]},
    ),
    ("security_key_removed", remove_key, {"security_key": ["blue", None]}),
    (
        "recovery_codes_renewed",
        lambda ben, by: two_factor.renew_recovery_codes(ben.pk, by=by, at=NOW),
        {"recovery_codes_left": [10, 10]},
    ),
    (
        "second_factors_reset",
        lambda ben, by: two_factor.reset_two_factor(ben.pk, by=by, at=NOW),
        {"second_factor": [True, False], "enrol_until_at": [None, format_instant(NOW + timedelta(days=1))]},
    ),
    ("browser_signed_out", end_browser, None),
    ("api_sign_in_ended", end_api_sign_in, None),
    (
        "signed_out_elsewhere",
        lambda ben, by: services.end_other_sign_ins(ben, keep_session="", by=by, at=NOW),
        {"browsers": [1, 0], "api_sign_ins": [1, 0]},
    ),
]
IDS = [f"{action}-{number}" for number, (action, *_) in enumerate(CHANGES)]


@pytest.fixture
def equipped(ben: Admin) -> Admin:
    """Ben with an app, a security key, a browser and an API sign-in."""
    app_of(ben)
    add_key(ben, COMMAND)
    browser = signed_in("ben")
    browser.get("/admin/account/")
    services.start_token_family(ben, at=NOW)
    ben.refresh_from_db()
    return ben


@pytest.mark.parametrize(("action", "do", "changes"), CHANGES, ids=IDS)
def test_a_change_is_one_event(
    equipped: Admin, by: Actor, action: str, do: Callable[[Admin, Actor], object], changes: dict[str, Any] | None
) -> None:
    before = Event.objects.count()
    do(equipped, by)
    event = Event.objects.newest_first()[0]
    assert Event.objects.count() == before + 1
    assert (event.action, event.subject_type, event.subject_id) == (f"admin.{action}", ADMIN, str(equipped.pk))
    assert (event.subject_name, event.at) == ("ben", NOW)
    assert (event.actor_name, event.role, event.source) == ("anna", "sysadmin", "admin")
    assert (event.ip, event.request_id) == ("203.0.113.7", "trace-1")
    assert changes is None or event.changes == changes


@pytest.mark.parametrize(("action", "do", "changes"), CHANGES, ids=IDS)
def test_without_its_event_nothing_is_changed(
    transactional_db: None, equipped: Admin, by: Actor, action: str, do: Any, changes: Any
) -> None:
    before = tables()
    with mock.patch.object(Event, "save", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        do(equipped, by)
    assert tables() == before


def test_a_first_security_key_is_one_event(ben: Admin, by: Actor) -> None:
    add_key(ben, by)
    (event,) = Event.objects.all()
    assert (event.action, event.changes) == ("admin.security_key_added", {"security_key": [None, "blue"]})


def test_a_new_admin_is_one_event_and_none_without_it(transactional_db: None, by: Actor) -> None:
    def create() -> Admin:
        return services.invite_admin("nora", email="n@x.example", role="viewer", by=by, at=NOW).admin

    with mock.patch.object(Event, "save", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        create()
    assert not Admin.objects.filter(username="nora").exists()
    nora = create()
    (event,) = Event.objects.of(ADMIN, nora.pk)
    assert (event.action, event.actor_name, event.changes["role"]) == ("admin.created", "anna", [None, "viewer"])
    assert not nora.has_usable_password()


def test_without_its_event_there_is_no_first_sysadmin(transactional_db: None) -> None:
    with mock.patch.object(Event, "save", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        Admin.objects.create_superuser("root", "r@x.example", PASSWORD)
    assert not Admin.objects.exists()


def test_several_fields_are_several_events_and_what_is_equal_is_none(ben: Admin, by: Actor) -> None:
    services.change_admin(ben.pk, {"role": "viewer", "email": "b@x.example", "is_active": True}, by=by, at=NOW)
    assert {event.short_action for event in Event.objects.all()} == {"role_changed", "email_changed"}
    services.change_admin(ben.pk, {"role": "viewer"}, by=by, at=NOW)
    assert Event.objects.count() == 2
    services.change_admin(ben.pk, {"is_active": False}, by=by, at=NOW)
    services.change_admin(ben.pk, {"is_active": True}, by=by, at=NOW)
    assert [event.short_action for event in Event.objects.newest_first()[:2]] == ["enabled", "disabled"]


def test_what_is_not_there_cannot_end_or_be_removed_and_leaves_no_event(ben: Admin, by: Actor) -> None:
    two_factor.remove_totp(ben.pk, by=by, at=NOW)
    two_factor.remove_security_key(ben.pk, 99, by=by, at=NOW)
    services.end_browser_session(ben, session_digest("x"), by=by, at=NOW)
    services.end_other_sign_ins(ben, keep_session="", by=by, at=NOW)
    assert not Event.objects.exists()


def test_no_secret_is_in_an_event(anna: Admin, ben: Admin) -> None:
    sysadmin, app = signed_in("anna"), app_of(ben)
    key = SoftKey()
    assert register_key(signed_in("ben"), key).status_code == 302
    tokens = pair("anna")
    assert sysadmin.post(f"/admin/accounts/admin/{ben.pk}/password/").status_code == 200
    sysadmin.post("/admin/account/end-others/")
    recorded = json.dumps([*Event.objects.values()], default=str)
    ben.refresh_from_db()
    for secret in (
        PASSWORD,
        ben.password,
        app.secret,
        *app.recovery_codes,
        tokens["access"],
        tokens["refresh"],
    ):
        assert secret not in recorded
    assert {event.short_action for event in Event.objects.all()} == {
        "authenticator_app_added",
        "security_key_added",
        "password_reset",
        "signed_out_elsewhere",
    }


def test_the_pages_of_the_panel_record_who_did_it(anna: Admin, ben: Admin) -> None:
    sysadmin = signed_in("anna")
    nora = {"username": "nora", "email": "nora@x.example", "role": "viewer"}
    assert sysadmin.post("/admin/accounts/admin/add/", nora).status_code == 200
    edit = {"email": ben.email, "role": "viewer", "is_active": "on"}
    initial = {"initial-email": ben.email, "initial-role": "support", "initial-is_active": "True"}
    assert sysadmin.post(f"/admin/accounts/admin/{ben.pk}/change/", {**edit, **initial}).status_code == 302
    own = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert sysadmin.post("/admin/password_change/", own).status_code == 302
    done = [
        (event.short_action, event.subject_name, event.actor_name, event.source, event.ip)
        for event in Event.objects.all()
    ]
    assert done == [
        ("created", "nora", "anna", "admin", "192.0.2.1"),
        ("role_changed", "ben", "anna", "admin", "192.0.2.1"),
        ("password_changed", "anna", "anna", "admin", "192.0.2.1"),
    ]


def test_commands_record_their_source(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, username="root", email="r@x.example", stdout=StringIO())
    root = Admin.objects.get(username="root")
    app_of(root)
    call_command("reset_two_factor", "root", stdout=StringIO())
    typed = iter([NEW_PASSWORD, NEW_PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    call_command("changepassword", "Root", stdout=StringIO())
    events = Event.objects.of(ADMIN, root.pk).order_by("sequence")
    assert [(event.short_action, event.source, event.actor) for event in events] == [
        ("created", "command", None),
        ("authenticator_app_added", "command", None),
        ("second_factors_reset", "command", None),
        ("password_reset", "command", None),
    ]
    root.refresh_from_db()
    assert root.check_password(NEW_PASSWORD)
    assert not root.must_change_password, "who has the server's shell is not asked"


@pytest.mark.parametrize(
    ("username", "typed", "complaint"),
    [
        ("anna", ["one", "two"], "do not match"),
        ("anna", ["short", "short"], "too short"),
        ("nobody", [], "no admin named nobody"),
    ],
)
def test_changepassword_refuses_in_one_line(
    anna: Admin, monkeypatch: pytest.MonkeyPatch, username: str, typed: list[str], complaint: str
) -> None:
    answers = iter(typed)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    with pytest.raises(CommandError, match=complaint):
        call_command("changepassword", username, stdout=StringIO())
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)
    assert not Event.objects.exists()


def test_every_action_is_in_the_namespace_of_admins() -> None:
    assert all(action.value.startswith(f"{ADMIN}.") for action in AdminAction)


def test_an_app_in_use_is_not_named_by_its_secret(anna: Admin) -> None:
    app: App = app_of(anna)
    (event,) = Event.objects.all()
    assert app.secret not in json.dumps(event.changes)
    assert event.at <= timezone.now()
