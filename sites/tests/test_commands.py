"""The management commands: the API's rules at a shell."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line
from rest_framework.test import APIClient

from audit.models import Event
from conftest import Clock, Register, RegisteredSite
from sites.models import Site
from sites.tests.conftest import UNKNOWN_ID, actions, newest_event

pytestmark = pytest.mark.any_database

FACTS = ("--name", "Trattoria Roma", "--owner-name", "Giulia", "--contact-email", "giulia@roma.example")


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def refusal(*arguments: str) -> str:
    """What the command says, in one line, while it exits with 1."""
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 1
    message = str(refused.value)
    assert message
    assert "\n" not in message
    return message


# --- register_site ---


def test_register_site_prints_the_site_as_the_api_does_and_its_key(api: APIClient, clock: Clock) -> None:
    shown = run_json("register_site", *FACTS)
    key = shown.pop("secret_key")
    stored = api.get(f"/api/sites/{shown['site_id']}").json()
    assert stored.pop("last_heartbeat") is None
    assert shown == stored
    assert (shown["timezone"], shown["license_expires_at"]) == ("UTC", "2027-06-01T12:00:00Z")
    assert RegisteredSite(shown["site_id"], key).call_home().status_code == 200


def test_register_site_takes_expiry_and_zone(db: None) -> None:
    facts = ("--license-expires-at", "2030-01-01T01:00:00+01:00", "--timezone", "Europe/Rome")
    shown = run_json("register_site", *FACTS, *facts)
    assert (shown["timezone"], shown["license_expires_at"]) == ("Europe/Rome", "2030-01-01T00:00:00Z")


def test_register_site_and_list_sites_name_an_organization_by_its_slug(api: APIClient, register: Register) -> None:
    conti = api.post("/api/organizations", {"name": "Conti", "slug": "conti"}).json()["id"]
    register(name="Elsewhere")
    shown = run_json("register_site", *FACTS, "--organization", "conti")
    assert shown["organization_id"] == conti
    assert [site["name"] for site in run_json("list_sites", "--organization", "conti")["results"]] == ["Trattoria Roma"]
    for command in (("register_site", *FACTS), ("list_sites",)):
        assert refusal(*command, "--organization", "Conti") == "There is no organization with the slug Conti."
    assert Site.objects.count() == 2


def test_register_site_tells_a_person_the_id_and_the_key(db: None) -> None:
    output = run("register_site", *FACTS)
    site = Site.objects.get()
    key = re.search(r"psk_[0-9A-Za-z]{49}", output)
    assert str(site.pk) in output
    assert key is not None
    assert RegisteredSite(str(site.pk), key.group()).call_home().status_code == 200


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--name", ""),
        ("--name", "x" * 201),
        ("--name", "a\x00b"),
        ("--name", "\udcff"),
        ("--owner-name", "   "),
        ("--contact-email", "nobody"),
        ("--timezone", "Mars/Phobos"),
        ("--license-expires-at", "tomorrow"),
        ("--license-expires-at", "2030-01-01T00:00:00"),
        ("--license-expires-at", "0001-01-01T00:00:00+01:00"),
    ],
)
def test_register_site_refuses_what_the_api_refuses(db: None, option: str, value: str) -> None:
    assert option in refusal("register_site", *FACTS, option, value)
    assert not Site.objects.exists()


# --- lock_site, unlock_site ---


def test_lock_site_and_unlock_site_do_what_they_say(api: APIClient, roma: RegisteredSite) -> None:
    locked = run_json("lock_site", roma.site_id, "--reason", "unpaid")
    assert (locked["is_locked"], locked["lock_reason"]) == (True, "unpaid")
    assert roma.call_home().json()["lock_reason"] == "unpaid"
    assert (newest_event().action, newest_event().reason) == ("site.locked", "unpaid")
    unlocked = run_json("unlock_site", roma.site_id, "--note", "paid")
    assert (unlocked["is_locked"], unlocked["lock_reason"]) == (False, None)
    assert (newest_event().action, newest_event().reason) == ("site.unlocked", "paid")
    assert unlocked.items() <= api.get(roma.path).json().items()


def test_lock_site_and_unlock_site_are_idempotent(roma: RegisteredSite) -> None:
    for _ in range(2):
        assert "unpaid" in run("lock_site", roma.site_id, "--reason", "unpaid")
    for _ in range(2):
        assert "Trattoria Roma" in run("unlock_site", roma.site_id)
    assert actions() == ["registered", "locked", "unlocked"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\x07b", "\udcff"])
def test_lock_site_refuses_a_reason_that_the_api_refuses(roma: RegisteredSite, reason: str) -> None:
    assert "--reason" in refusal("lock_site", roma.site_id, "--reason", reason)
    assert actions() == ["registered"]


def test_unlock_site_refuses_a_note_that_the_api_refuses(roma: RegisteredSite) -> None:
    assert "--note" in refusal("unlock_site", roma.site_id, "--note", "x" * 501)


# --- extend_license ---


def test_extend_license_takes_days_or_an_instant(register: Register, clock: Clock) -> None:
    site = register(license_expires_at="2026-06-30T00:00:00Z")
    assert run_json("extend_license", site.site_id, "--days", "10")["license_expires_at"] == "2026-07-10T00:00:00Z"
    until = "2026-12-31T01:00:00+01:00"
    assert run_json("extend_license", site.site_id, "--until", until)["license_expires_at"] == "2026-12-31T00:00:00Z"
    assert "2027-01-01T00:00:00Z" in run("extend_license", site.site_id, "--days", "1")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--days", "0"),
        ("--days", "3661"),
        ("--days", str(10**30)),
        ("--until", "2001-01-01T00:00:00Z"),
        ("--until", "2001-01-01"),
        ("--until", "10000-01-01T00:00:00Z"),
    ],
)
def test_extend_license_refuses_what_the_api_refuses(roma: RegisteredSite, option: str, value: str) -> None:
    assert refusal("extend_license", roma.site_id, f"{option}={value}")
    assert actions() == ["registered"]


def test_extend_license_stops_at_the_year_9999(register: Register) -> None:
    site = register(license_expires_at="9999-12-31T00:00:00Z")
    assert "9999" in refusal("extend_license", site.site_id, "--days", "1")


# --- rotate_site_key ---


def test_rotate_site_key_shows_the_new_key(roma: RegisteredSite, clock: Clock) -> None:
    shown = run_json("rotate_site_key", roma.site_id)
    assert set(shown) == {"secret_key", "previous_key_expires_at"}
    assert shown["previous_key_expires_at"] == "2026-06-02T12:00:00Z"
    assert roma.call_home(shown["secret_key"]).status_code == roma.call_home().status_code == 200


def test_rotate_site_key_without_an_overlap_ends_the_old_key(roma: RegisteredSite) -> None:
    output = run("rotate_site_key", roma.site_id, "--overlap-hours", "0")
    key = re.search(r"psk_[0-9A-Za-z]{49}", output)
    assert key is not None
    assert (roma.call_home(key.group()).status_code, roma.call_home().status_code) == (200, 401)


@pytest.mark.parametrize("hours", ["-1", "169", str(10**30)])
def test_rotate_site_key_refuses_an_overlap_out_of_range(roma: RegisteredSite, hours: str) -> None:
    assert "--overlap-hours" in refusal("rotate_site_key", roma.site_id, f"--overlap-hours={hours}")
    assert actions() == ["registered"]


# --- list_sites ---


def test_list_sites_prints_count_and_results_as_the_api_does(api: APIClient, register: Register, clock: Clock) -> None:
    for name in ("Bo", "Al", "Cy"):
        register(name=name)
    api.delete(register(name="Gone").path)
    listed = run_json("list_sites")
    page = api.get("/api/sites").json()
    assert listed == {"count": 3, "results": page["results"]}
    assert [site["name"] for site in listed["results"]] == ["Al", "Bo", "Cy"]


def test_list_sites_filters_by_status_and_lock(api: APIClient, register: Register) -> None:
    seen, locked = register(name="Seen"), register(name="Locked")
    seen.call_home()
    api.post(f"{locked.path}/lock", {"reason": "unpaid"})

    def listed(*options: str) -> list[str]:
        return [site["name"] for site in run_json("list_sites", *options)["results"]]

    assert listed() == ["Locked", "Seen"]
    assert listed("--status", "online") == ["Seen"]
    assert listed("--status", "never_seen") == ["Locked"]
    assert listed("--locked") == ["Locked"]
    assert listed("--status", "online", "--locked") == []


def test_list_sites_lists_more_than_a_page(register: Register) -> None:
    for _ in range(60):
        register()
    assert run_json("list_sites")["count"] == len(run_json("list_sites")["results"]) == 60


def test_list_sites_tells_a_person_id_status_and_lock(api: APIClient, roma: RegisteredSite) -> None:
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    line, total = run("list_sites").splitlines()
    for fact in (roma.site_id, "never_seen", "licensed", "unpaid", "Trattoria Roma"):
        assert fact in line
    assert total == "1 sites"


def test_list_sites_shows_no_key(roma: RegisteredSite) -> None:
    assert roma.key not in run("list_sites", "--json") + run("list_sites")
    assert "secret_key" not in run("list_sites", "--json")


# --- All of them ---

ON_A_SITE = [
    ("lock_site", "--reason", "unpaid"),
    ("unlock_site",),
    ("extend_license", "--days", "1"),
    ("rotate_site_key",),
]


@pytest.mark.parametrize("command", ON_A_SITE, ids=lambda command: command[0])
@pytest.mark.parametrize("site_id", [UNKNOWN_ID, "x", "", "0b6f4c1e6d0f4f0e9d533a3c1f5d2b11", "\udcff", "a\x00"])
def test_an_unknown_or_malformed_id_is_a_refusal(db: None, command: tuple[str, ...], site_id: str) -> None:
    name, *options = command
    assert refusal(name, site_id, *options) == "There is no such site"


@pytest.mark.parametrize("command", ON_A_SITE, ids=lambda command: command[0])
def test_a_deregistered_site_is_as_unknown_to_commands(
    api: APIClient, roma: RegisteredSite, command: tuple[str, ...]
) -> None:
    api.delete(roma.path)
    name, *options = command
    assert refusal(name, roma.site_id, *options) == "There is no such site"


def test_what_a_command_does_is_recorded_as_a_commands(db: None) -> None:
    site_id = run_json("register_site", *FACTS)["site_id"]
    run("lock_site", site_id, "--reason", "unpaid")
    run("unlock_site", site_id)
    run("extend_license", site_id, "--days", "1")
    run("rotate_site_key", site_id)
    assert actions() == ["registered", "locked", "unlocked", "extended", "key_rotated"]
    for event in Event.objects.all():
        assert (event.source, event.actor, event.actor_name, event.role) == ("command", None, None, None)
        assert (event.ip, event.request_id) == (None, None)


def test_a_refusal_exits_with_1_and_one_line(transactional_db: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        execute_from_command_line(["manage.py", "lock_site", UNKNOWN_ID, "--reason", "unpaid", "--no-color"])
    assert exit_.value.code == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "CommandError: There is no such site\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["register_site"],
        ["register_site", "--name", "Roma", "--owner-name", "Giulia"],
        ["lock_site"],
        ["lock_site", UNKNOWN_ID],
        ["lock_site", UNKNOWN_ID, "--reason"],
        ["unlock_site"],
        ["unlock_site", UNKNOWN_ID, "extra"],
        ["extend_license", UNKNOWN_ID],
        ["extend_license", "--days", "1"],
        ["extend_license", UNKNOWN_ID, "--days", "x"],
        ["extend_license", UNKNOWN_ID, "--days", "1.5"],
        ["extend_license", UNKNOWN_ID, "--days", "1", "--until", "2030-01-01T00:00:00Z"],
        ["rotate_site_key"],
        ["rotate_site_key", UNKNOWN_ID, "--overlap-hours", "x"],
        ["list_sites", "--status", "asleep"],
        ["list_sites", "--unknown"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        execute_from_command_line(["manage.py", *arguments])
    assert exit_.value.code == 2
    assert "usage:" in capsys.readouterr().err
