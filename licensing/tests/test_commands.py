"""The four commands, as an operator types them."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from conftest import Clock
from licensing import key_file
from licensing.jws import thumbprint
from licensing.models import SigningKey
from licensing.services import x_of

pytestmark = pytest.mark.django_db
MEMBERS = {
    "kid",
    "x",
    "state",
    "endorsed_by",
    "created_at",
    "activated_at",
    "retired_at",
    "listed_until",
    "may_sign_at",
    "private_half",
    "stays_listed",
}


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_a_rotation_by_commands(clock: Clock) -> None:
    first = run_json("create_signing_key")
    assert first.keys() == MEMBERS
    assert (first["state"], first["activated_at"], first["may_sign_at"]) == ("signing", "2026-06-01T12:00:00Z", None)
    second = run_json("create_signing_key")
    assert (second["state"], second["endorsed_by"]) == ("published", first["kid"])
    assert second["may_sign_at"] == "2026-06-08T12:00:00Z"
    with pytest.raises(CommandError, match="may sign from 2026-06-08T12:00:00Z on"):
        run("activate_signing_key", second["kid"])
    assert run_json("activate_signing_key", second["kid"], "--now")["state"] == "signing"
    listed = run_json("list_signing_keys")
    assert listed["count"] == 2
    assert [key["state"] for key in listed["results"]] == ["retired", "signing"]
    assert listed["results"][0]["listed_until"] == "2026-07-01T13:00:00Z"


def test_a_leak_by_commands(clock: Clock) -> None:
    leaked = run_json("create_signing_key")["kid"]
    with pytest.raises(CommandError, match="create one first"):
        run("retire_signing_key", leaked, "--now")
    other = run_json("create_signing_key")["kid"]
    retired = run_json("retire_signing_key", leaked, "--now")
    assert (retired["state"], retired["listed_until"]) == ("retired", "2026-06-01T12:00:00Z")
    assert SigningKey.objects.signing().get().kid == other


def test_lines_for_people(clock: Clock) -> None:
    assert run("list_signing_keys") == "There is no signing key: create one with create_signing_key.\n"
    first = run("create_signing_key").split()[0]
    second = run("create_signing_key").split()[0]
    assert run("list_signing_keys").splitlines() == [
        f"{first}  signing    since 2026-06-01T12:00:00Z",
        f"{second}  published  since 2026-06-01T12:00:00Z, may sign from 2026-06-08T12:00:00Z on",
    ]
    run("activate_signing_key", second, "--now")
    assert run("list_signing_keys").splitlines()[0] == (
        f"{first}  retired    since 2026-06-01T12:00:00Z, in the set until 2026-07-01T13:00:00Z"
    )


def test_the_list_says_which_keys_still_need_a_former_secret(clock: Clock, settings: Any) -> None:
    def private_halves() -> list[str]:
        return [key["private_half"] for key in run_json("list_signing_keys")["results"]]

    old, new = ("0123456789abcdef" * 3 + name for name in ("old", "new"))
    settings.LEASE_KEY_SECRETS = [old]
    run("create_signing_key")
    settings.LEASE_KEY_SECRETS = [new, old]
    second = run_json("create_signing_key")["kid"]
    assert private_halves() == ["sealed_under_former_secret", "sealed"]
    settings.LEASE_KEY_SECRETS = [new]
    assert private_halves() == ["missing", "sealed"]
    settings.LEASE_KEY_SECRETS = [new, old]
    run("activate_signing_key", second, "--now")
    assert private_halves() == ["deleted", "sealed"]


def test_if_none_is_for_deployments(clock: Clock) -> None:
    first = run_json("create_signing_key", "--if-none")
    assert run_json("create_signing_key", "--if-none") == first
    assert SigningKey.objects.count() == 1


@pytest.mark.parametrize("command", ["activate_signing_key", "retire_signing_key"])
def test_an_unknown_key_is_one_line(command: str) -> None:
    with pytest.raises(CommandError, match=r"^There is no such signing key$"):
        run(command, "A" * 43)


@pytest.mark.parametrize("command", ["activate_signing_key", "retire_signing_key"])
def test_an_id_that_begins_with_a_dash_is_written_after_two_dashes(
    clock: Clock, settings: Any, tmp_path: Path, command: str
) -> None:
    """The file may have been made elsewhere; new keys of our own have no such id."""
    settings.LEASE_KEY_FILE = tmp_path / "keys.json"
    candidates = (number.to_bytes(32, "big") for number in range(1_000))
    key_file.add(next(each for each in candidates if thumbprint(x_of(each)).startswith("-")))
    with_dash = run_json("create_signing_key")["kid"]
    other = run_json("create_signing_key")["kid"]
    assert with_dash.startswith("-")
    if command == "activate_signing_key":
        run("activate_signing_key", other, "--now")
        with pytest.raises(CommandError, match="is retired"):
            run(command, "--now", "--", with_dash)
    else:
        run(command, "--now", "--", with_dash)
        assert SigningKey.objects.signing().get().kid == other
