"""`make demo` and `make demo-clean`, by the same scripts in a copy of the tree."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.with_services import free_port
from tests.test_container import ROOT, clean_environment, copy_of_the_tree, free_of_surprises
from tests.test_run import started

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=110)]

DEMO = {"DEMO": "true"}  # as `make demo-clean` sets it
DEVICES = """
import json
from django.db.models import Count
from fleet.devices.models import Device
by_site = Device.objects.order_by().values_list("site").annotate(number=Count("pk")).values_list("number", flat=True)
print(json.dumps([list(by_site), Device.objects.filter(pulse__last_seen_at=None).count()]))
"""
NO_DOORBELL = {"DOORBELL_URL": ""}  # starting one takes seconds


def call(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean_environment(LOG_LEVEL="ERROR", **environment),
        capture_output=True,
        text=True,
        timeout=240,  # some twenty seconds on an idle machine
        check=False,
    )


def manage(folder: Path, *arguments: str, **environment: str) -> Any:
    done = call(folder, "manage.py", *arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_of_the_demo(site: dict[str, Any]) -> bool:
    return site["contact_email"].endswith("@demo.portcullis.example")


def demo_sites(folder: Path) -> list[dict[str, Any]]:
    return [site for site in manage(folder, "list_sites")["results"] if is_of_the_demo(site)]


def with_status(sites: list[dict[str, Any]], status: str) -> list[dict[str, Any]]:
    return [site for site in sites if site["status"] == status]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose demo was filled by a server that the demo started and stopped itself."""
    folder = copy_of_the_tree(tmp_path_factory.mktemp("demo") / "project")
    shutil.copytree(ROOT / "agent/src", folder / "agent/src")  # the image has no agent
    done = call(folder, "scripts/demo.py", "--exit", PORT=str(free_port()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not backdated" not in done.stdout
    assert re.search(r"for its owner, without sign-in: http://127\.0\.0\.1:\d+/s/psl_\w+$", done.stdout, re.MULTILINE)
    return folder


def test_the_demo_shows_every_state(filled: Path) -> None:
    sites = demo_sites(filled)
    assert len(sites) == 40
    assert Counter(site["status"] for site in sites) == {"online": 30, "late": 3, "offline": 3, "never_seen": 4}
    assert sum(site["is_locked"] for site in sites) == 4
    assert sum(not site["licensed"] for site in sites) == 3


def test_each_restaurant_has_three_to_eight_devices_and_most_of_them_call(filled: Path) -> None:
    by_site, silent = json.loads(call(filled, "manage.py", "shell", "--verbosity=0", "-c", DEVICES).stdout)
    assert len(by_site) == 40
    assert (min(by_site), max(by_site)) == (3, 8)
    assert 0 < silent < sum(by_site) / 10


def test_each_restaurant_that_calls_has_an_agent_with_a_lease(filled: Path) -> None:
    sites = [site for site in demo_sites(filled) if site["status"] != "never_seen"]
    assert len([site for site in sites if site["agent"]]) == len(sites) == 36
    assert not [site for site in sites if site["clone_suspected_at"]]
    states = [json.loads(file.read_text()) for file in (filled / "var/demo").glob("*/state.json")]
    assert {state["site_id"] for state in states if state["lease"]} == {site["site_id"] for site in sites}
    ends = {site["status"]: site["agent"]["lease_expires_at"] for site in sites}
    assert ends["offline"] < ends["online"], "its newest lease is as old as its last call"


def test_only_demo_sites_are_moved_into_the_past(filled: Path) -> None:
    who = ("--name", "Trattoria Roma", "--owner-name", "Giulia", "--contact-email", "giulia@notdemo.portcullis.example")
    mine = manage(filled, "register_site", *who)
    online = with_status(demo_sites(filled), "online")
    refused = call(filled, "manage.py", "demo_backdate", "--offline", mine["site_id"], online[0]["site_id"], **DEMO)
    assert refused.returncode == 1
    assert "Only a demo site can be moved into the past" in refused.stderr
    assert free_of_surprises(refused.stderr)
    assert with_status(demo_sites(filled), "online") == online, "the demo site that was named too stays as it is"


@pytest.mark.parametrize("named", [(), ("--late", "0b6f"), ("--late", "00000000-0000-4000-8000-000000000000")])
def test_backdating_refuses_what_it_does_not_know(filled: Path, named: tuple[str, ...]) -> None:
    refused = call(filled, "manage.py", "demo_backdate", *named, **DEMO)
    assert refused.returncode == 1
    assert free_of_surprises(refused.stderr)


def test_backdating_refuses_a_site_that_never_called(filled: Path) -> None:
    silent = with_status(demo_sites(filled), "never_seen")[0]
    refused = call(filled, "manage.py", "demo_backdate", "--late", silent["site_id"], **DEMO)
    assert refused.returncode == 1
    assert "never called" in refused.stderr


def test_backdating_never_brings_a_site_forward(filled: Path) -> None:
    gone = with_status(demo_sites(filled), "offline")[0]
    answer = manage(filled, "demo_backdate", "--online", gone["site_id"], **DEMO)
    assert [(site["status"], site["due_at"]) for site in answer["results"]] == [("offline", gone["due_at"])]


@pytest.mark.long
def test_the_demo_can_be_taken_out_while_the_server_runs_and_put_in_again(filled: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(filled, tmp_path / "project"))
    port = str(free_port())
    with started(folder, PORT=port, LOG_LEVEL="ERROR", **NO_DOORBELL):
        url = f"http://127.0.0.1:{port}"
        who = ("--name", "Trattoria Roma", "--owner-name", "Giulia", "--contact-email", "giulia@roma.example")
        mine = manage(folder, "register_site", *who)["site_id"]
        theirs = manage(folder, "register_site", *who[:-1], "giulia@demo.portcullis.example")["site_id"]
        before = manage(folder, "list_sites")["results"]
        demo = {site["site_id"]: site for site in before if is_of_the_demo(site) and site["site_id"] != theirs}
        never_locked = next(site_id for site_id, site in demo.items() if not site["is_locked"])
        removed = manage(folder, "demo_clean", **DEMO)
        assert (removed["sites"], removed["keys"]) == (40, 40)
        assert removed["heartbeats"] > 10_000, "their last ninety days went with them"
        remaining = {site["site_id"] for site in manage(folder, "list_sites")["results"]}
        assert {mine, theirs} <= remaining, "a person registered it, with an address like the demo's"
        assert remaining == {site["site_id"] for site in before} - demo.keys()
        assert actions_in_the_log(folder, never_locked) == ["site.registered", "site.deregistered"]
        assert manage(folder, "demo_clean", **DEMO) == {"sites": 0, "keys": 0, "heartbeats": 0}
        again = call(folder, "scripts/demo.py", "--exit", PORTCULLIS_URL=url)
        assert again.returncode == 0, again.stdout + again.stderr
        assert len(with_status(demo_sites(folder), "late")) == 3
        assert "Their events stay" in call(folder, "manage.py", "demo_clean", **DEMO).stdout


def actions_in_the_log(folder: Path, site_id: str) -> list[str]:
    question = (
        "from audit.models import Event\n"
        f"print(*Event.objects.filter(subject_id='{site_id}').order_by('sequence').values_list('action', flat=True))"
    )
    return call(folder, "manage.py", "shell", "--verbosity", "0", "-c", question).stdout.split()


def test_make_turns_the_demo_on_to_take_it_out() -> None:
    printed = subprocess.run(["make", "-n", "demo-clean"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "DEMO=true .venv/bin/python manage.py demo_clean" in printed


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:1", "Nothing answers at http://127.0.0.1:1"),
        ("nonsense", "PORTCULLIS_URL must look like"),
    ],
)
def test_a_server_that_is_not_there_is_one_sentence(filled: Path, url: str, sentence: str) -> None:
    refused = call(filled, "scripts/demo.py", "--exit", PORTCULLIS_URL=url)
    assert refused.returncode == 1
    assert refused.stderr.startswith(sentence)
    assert free_of_surprises(refused.stderr)


@pytest.fixture(scope="module")
def running(filled: Path) -> Iterator[str]:
    """The URL of a server of that project, which the demo did not start. Tests that copy the project stand before it."""
    port = str(free_port())
    with started(filled, PORT=port, LOG_LEVEL="ERROR", **NO_DOORBELL):
        yield f"http://127.0.0.1:{port}"


def test_a_second_demo_adds_nothing(filled: Path, running: str) -> None:
    again = call(filled, "scripts/demo.py", "--exit", PORTCULLIS_URL=running)
    assert again.returncode == 0, again.stderr
    assert "already there (40 restaurants); `make demo-clean`" in again.stdout
    assert len(demo_sites(filled)) == 40


def test_a_wrong_password_is_one_sentence(filled: Path, running: str) -> None:
    wrong = {"PORTCULLIS_USERNAME": "admin", "PORTCULLIS_PASSWORD": "not the password"}
    refused = call(filled, "scripts/demo.py", "--exit", PORTCULLIS_URL=running, **wrong)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Cannot sign in as admin")
    assert free_of_surprises(refused.stderr)
