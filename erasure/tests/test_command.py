"""The command asks everybody for their password: a shell does not make one person into two."""

import json
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Admin
from accounts.tests.factors import app_of
from audit.models import Event
from common.instants import format_instant
from conftest import PASSWORD, RegisteredSite
from erasure.models import ErasureRequest
from erasure.services import request_erasure, withdraw_erasure
from erasure.tests.customers import NAMES, by, traces
from sites.models import Site


@pytest.fixture(autouse=True)
def _passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTCULLIS_PASSWORD", PASSWORD)
    monkeypatch.delenv("PORTCULLIS_OTP", raising=False)


def erase_site(*arguments: Any, **options: Any) -> str:
    output = StringIO()
    call_command("erase_site", *map(str, arguments), stdout=output, **options)
    return output.getvalue()


def test_it_shows_what_would_be_erased_and_changes_nothing(site_id: uuid.UUID) -> None:
    before = Event.objects.count()
    shown = erase_site(site_id)
    assert "Events of the site: 17 emptied" in shown
    assert "Heartbeats: 3 deleted\n    198.51.100.77" in shown
    assert "Texts of incidents: 2 replaced" in shown
    assert "Names, ids and configurations of devices: 2 replaced\n    Till beside Arturo" in shown
    assert "Health samples and telemetry periods: 5 deleted" in shown
    assert f"Roll-outs named after the customer: 1 replaced\n    Pilot at {NAMES[1]}" in shown
    assert NAMES[1] in shown
    assert "What stays:" in shown
    labels = [item["label"] for item in json.loads(erase_site(site_id, json=True))["erased"]]
    assert "Notes: 1 deleted\n    Arturo is the one to call" in shown
    assert len(labels) == len(set(labels)) == 24
    assert Event.objects.count() == before


def test_one_requests_and_another_confirms(site_id: uuid.UUID, anna: Admin, carla: Admin) -> None:
    assert "Another sysadmin has to confirm it" in erase_site(
        site_id, "--request", "--admin=anna", "--reason=ticket 12"
    )
    assert "is erased" in erase_site(site_id, "--confirm", "--admin=carla")
    assert traces() == {}
    events = Event.objects.newest_first()[:2]
    assert [(event.source, event.actor_name) for event in events] == [("command", "carla"), ("command", "anna")]


def test_a_request_is_withdrawn(closed: uuid.UUID, anna: Admin, carla: Admin) -> None:
    erase_site(closed, "--request", "--admin=anna", "--reason=ticket 12")
    assert "Nothing was erased" in erase_site(closed, "--withdraw", "--admin=anna")
    with pytest.raises(CommandError, match="There is no such request"):
        erase_site(closed, "--confirm", "--admin=carla")


def test_who_does_not_know_the_password_is_refused(
    closed: uuid.UUID, anna: Admin, carla: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_site(closed, "--request", "--admin=anna", "--reason=ticket 12")
    monkeypatch.setenv("PORTCULLIS_PASSWORD", "guessed battery staple")
    for step in (["--confirm"], ["--withdraw"], ["--request", "--reason=x"]):
        with pytest.raises(CommandError, match="These credentials are not valid"):
            erase_site(closed, *step, "--admin=carla")
    assert not Site.objects.get(pk=closed).erased_at


def test_the_second_factor_is_asked_for_too(closed: uuid.UUID, anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(anna)
    request = (closed, "--request", "--admin=anna", "--reason=ticket 12")
    with pytest.raises(CommandError, match="These credentials are not valid"):
        erase_site(*request)
    monkeypatch.setenv("PORTCULLIS_OTP", app.fresh_code())
    assert "Requested" in erase_site(*request)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--confirm", "--admin=anna"], "Another sysadmin"),
        (["--confirm", "--admin=ben"], "Only a sysadmin"),
        (["--confirm"], "name the sysadmin"),
        (["--request", "--admin=carla", "--reason=x"], "was requested already"),
    ],
)
def test_a_refusal_is_one_line(
    closed: uuid.UUID, anna: Admin, ben: Admin, carla: Admin, arguments: list[str], words: str
) -> None:
    erase_site(closed, "--request", "--admin=anna", "--reason=ticket 12")
    with pytest.raises(CommandError, match=words):
        erase_site(closed, *arguments)
    assert not Site.objects.get(pk=closed).erased_at


@pytest.mark.parametrize("text", ["nope", "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11"])
def test_an_unknown_site_is_a_refusal(db: None, text: str) -> None:
    with pytest.raises(CommandError, match="There is no such site"):
        erase_site(text)


def test_a_request_needs_a_reason_and_a_site_that_is_deregistered(roma: RegisteredSite, anna: Admin, api: Any) -> None:
    with pytest.raises(CommandError, match="deregistered site"):
        erase_site(roma.site_id, "--request", "--admin=anna", "--reason=ticket 12")
    api.delete(roma.path)
    with pytest.raises(CommandError):
        erase_site(roma.site_id, "--request", "--admin=anna")


def test_the_request_is_shown(closed: uuid.UUID, anna: Admin, carla: Admin, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(erase_site(closed, json=True))["requested_at"] is None
    erase_site(closed, "--request", "--admin=anna", "--reason=ticket 12")
    at = format_instant(ErasureRequest.objects.get().requested_at)
    assert f"Requested by anna at {at}, to be confirmed until" in erase_site(closed)
    assert json.loads(erase_site(closed, json=True))["requested_at"] == at
    erase_site(closed, "--confirm", "--admin=carla")
    assert f"Requested by anna at {at}" in capsys.readouterr().err


def test_a_request_that_is_made_anew_while_the_password_is_typed_is_not_confirmed(
    closed: uuid.UUID, anna: Admin, carla: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_erasure(closed, reason="ticket 12", by=by(anna), at=timezone.now())

    def type_slowly(prompt: str) -> str:
        if "Password" not in prompt:
            return ""
        withdraw_erasure(closed, by=by(anna), at=timezone.now())
        request_erasure(closed, reason="ticket 13", by=by(anna), at=timezone.now())
        return PASSWORD

    monkeypatch.delenv("PORTCULLIS_PASSWORD")
    monkeypatch.setattr("getpass.getpass", type_slowly)
    with pytest.raises(CommandError, match="There is no such request"):
        erase_site(closed, "--confirm", "--admin=carla")
    assert not Site.objects.get(pk=closed).erased_at


def test_the_time_is_that_after_the_password(closed: uuid.UUID, anna: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    typed_at = []

    def type_password(prompt: str) -> str:
        typed_at.append(timezone.now())
        return PASSWORD if "Password" in prompt else ""

    monkeypatch.delenv("PORTCULLIS_PASSWORD")
    monkeypatch.setattr("getpass.getpass", type_password)
    erase_site(closed, "--request", "--admin=anna", "--reason=ticket 12")
    assert ErasureRequest.objects.get().requested_at > typed_at[-1]
