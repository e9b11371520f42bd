"""The lease in the reply to a heartbeat, and what the panel and the API say of it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.actors import COMMAND
from common.instants import parse_instant
from conftest import RegisteredSite
from heartbeat.services import Recorded, Reply, signed_lease
from heartbeat.tests.agents import SimulatedAgent, lease_claims
from heartbeat.tests.calls import NOON
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import activate_signing_key, create_signing_key
from sites.models import Site, SitePulse

NONCE = "n" * 16


@pytest.fixture
def signing_key(db: None) -> SigningKey:
    return create_signing_key(by=COMMAND, at=timezone.now())


def test_without_a_signing_key_the_lease_is_null(roma: RegisteredSite) -> None:
    assert roma.call_home(nonce=NONCE).json()["lease"] is None
    assert SitePulse.objects.get().lease_expires_at is None


def test_an_old_client_gets_a_lease_without_a_nonce(roma: RegisteredSite, signing_key: SigningKey) -> None:
    lease = lease_claims(roma.call_home().json()["lease"])
    assert (lease["sub"], lease["nonce"]) == (roma.site_id, None)


def test_the_lease_says_what_the_reply_says(api: APIClient, roma: RegisteredSite, signing_key: SigningKey) -> None:
    api.post(f"{roma.path}/lock", {"reason": "offene Rechnung №7"})
    reply = roma.call_home(nonce=NONCE).json()
    lease = lease_claims(reply.pop("lease"))
    del reply["doorbell"]
    assert reply == {
        **{
            name: lease[name] for name in ("licensed", "locked", "lock_reason", "server_time", "next_heartbeat_seconds")
        },
        "expires_at": lease["license_expires_at"],
    }
    assert (lease["nonce"], lease["revision"]) == (NONCE, Site.objects.get().revision)
    assert lease["exp"] - lease["iat"] == timedelta(days=30).total_seconds()
    assert lease["iat"] == int(parse_instant(reply["server_time"]).timestamp())


def test_the_key_that_signs_now_signs(roma: RegisteredSite, signing_key: SigningKey) -> None:
    assert roma.call_home().json()["lease"]
    second = create_signing_key(by=COMMAND, at=timezone.now())
    activate_signing_key(second.kid, by=COMMAND, at=timezone.now(), now=True)
    assert lease_claims(roma.call_home().json()["lease"])
    assert SigningKey.objects.signing().get() == second


def test_a_key_that_is_retired_during_a_heartbeat_leaves_the_lease_to_the_next(
    roma: RegisteredSite, signing_key: SigningKey
) -> None:
    reply = Reply(True, False, None, NOON, NOON, 21_600)
    second = create_signing_key(by=COMMAND, at=timezone.now())
    activate_signing_key(second.kid, by=COMMAND, at=timezone.now(), now=True)
    lease = signed_lease(Recorded(1, signing_key.kid, reply), site_id=uuid.UUID(roma.site_id), nonce=None)
    assert lease is not None
    assert lease_claims(lease)["sub"] == roma.site_id


def test_a_server_that_cannot_read_the_key_still_answers_and_says_so(
    settings: Any, roma: RegisteredSite, signing_key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    signer.cache_clear()
    settings.LEASE_KEY_SECRETS = ["another secret"]
    answer = roma.call_home(nonce=NONCE)
    assert (answer.status_code, answer.json()["licensed"], answer.json()["lease"]) == (200, True, None)
    (error,) = [record for record in caplog.records if record.name == "portcullis.heartbeat"]
    assert "was sealed under another secret" in error.getMessage()


def test_each_change_by_an_admin_raises_the_revision(
    api: APIClient, roma: RegisteredSite, signing_key: SigningKey
) -> None:
    revisions = [lease_claims(roma.call_home().json()["lease"])["revision"]]
    for change in ({"url": "lock", "body": {"reason": "unpaid"}}, {"url": "unlock", "body": {}}):
        assert api.post(f"{roma.path}/{change['url']}", change["body"]).status_code == 200
        revisions.append(lease_claims(roma.call_home().json()["lease"])["revision"])
    assert revisions == sorted(set(revisions))


# --- The fields of an agent ---

AGENT: dict[str, Any] = {
    "nonce": NONCE,
    "instance_id": "6dd2b4ac-3c1d-4a8f-9d7e-2f1b8f6f0c11",
    "boot_id": "0b6f4c1e-6d0f-4f0e-9d53-3a3c1f5d2b11",
    "sequence": 1,
    "lease_revision": 1,
}


@pytest.mark.parametrize("nonce", ["n" * 16, "n" * 64, "Az09_-" * 4])
def test_a_nonce_has_16_to_64_characters(roma: RegisteredSite, signing_key: SigningKey, nonce: str) -> None:
    assert lease_claims(roma.call_home(nonce=nonce).json()["lease"])["nonce"] == nonce


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nonce", "n" * 15),
        ("nonce", "n" * 65),
        ("nonce", "n" * 15 + "="),
        ("nonce", " " + "n" * 16),
        ("nonce", "n" * 16 + "\n"),
        ("nonce", "é" * 16),
        ("nonce", ""),
        ("nonce", 10**15),
        ("nonce", [NONCE]),
        ("instance_id", "x"),
        ("instance_id", 1),
        ("instance_id", "6dd2b4ac3c1d4a8f9d7e2f1b8f6f0c11"),
        ("instance_id", "{6dd2b4ac-3c1d-4a8f-9d7e-2f1b8f6f0c11}"),
        ("boot_id", "urn:uuid:6dd2b4ac-3c1d-4a8f-9d7e-2f1b8f6f0c11"),
        ("boot_id", True),
        ("sequence", 0),
        ("sequence", -1),
        ("sequence", 2**53),
        ("sequence", "1"),
        ("sequence", 1.0),
        ("sequence", True),
        ("lease_revision", -1),
        ("lease_revision", 2**53),
        ("lease_revision", "3"),
        ("lease_revision", True),
    ],
)
def test_a_wrong_shape_is_refused(roma: RegisteredSite, field: str, value: Any) -> None:
    answer = roma.call_home(**{**AGENT, field: value})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{field}")
    assert SitePulse.objects.get().last_seen_at is None


@pytest.mark.any_database
@pytest.mark.parametrize("missing", ["instance_id", "boot_id", "sequence"])
@pytest.mark.parametrize("null", [True, False])
def test_the_three_of_a_boot_come_together(roma: RegisteredSite, missing: str, null: bool) -> None:
    body = AGENT | {missing: None}
    answer = roma.call_home(**(body if null else {name: body[name] for name in body if name != missing}))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{missing}")


@pytest.mark.any_database
def test_null_is_as_if_left_out(roma: RegisteredSite) -> None:
    assert roma.call_home(**dict.fromkeys(AGENT)).status_code == 200
    assert roma.call_home(**AGENT | {"nonce": None, "lease_revision": None}).status_code == 200
    assert SitePulse.objects.get().sequence == 1


def test_ids_in_capitals_are_the_same(roma: RegisteredSite) -> None:
    roma.call_home(**AGENT)
    roma.call_home(**AGENT | {"boot_id": AGENT["boot_id"].upper(), "sequence": 2})
    pulse = SitePulse.objects.get()
    assert (pulse.boot_id, pulse.sequence) == (uuid.UUID(AGENT["boot_id"]), 2)


# --- What the site holds ---


def test_a_local_backend_that_asks_for_no_leases_shows_none(
    api: APIClient, roma: RegisteredSite, signing_key: SigningKey
) -> None:
    roma.call_home()
    assert api.get(roma.path).json()["agent"] is None


def test_the_newest_lease_of_an_agent_is_shown(api: APIClient, roma: RegisteredSite, signing_key: SigningKey) -> None:
    lease = lease_claims(roma.call_home(**AGENT).json()["lease"])
    agent = api.get(roma.path).json()["agent"]
    assert parse_instant(agent.pop("lease_expires_at")) == datetime.fromtimestamp(lease["exp"], UTC)
    assert agent == {"lease_revision": lease["revision"], "held_revision": 1, "holds_newer_decision": False}


def test_a_lock_is_known_once_a_heartbeat_was_answered(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    assert api.post(f"{roma.path}/lock", {"reason": "unpaid"}).json()["lock_known_since"] is None
    roma.call_home()
    site = api.get(roma.path).json()
    assert site["lock_known_since"] == site["last_seen_at"]
    roma.call_home()
    assert api.get(roma.path).json()["lock_known_since"] == site["last_seen_at"]
    assert api.post(f"{roma.path}/unlock").json()["lock_known_since"] is None
    roma.call_home()
    locked = api.post(f"{roma.path}/lock", {"reason": "unpaid"}).json()
    assert locked["lock_known_since"] is None


def test_a_reinstalled_agent_keeps_the_revision_that_was_held(roma: RegisteredSite) -> None:
    agent = SimulatedAgent(roma)
    agent.send({**agent.next_body(), "lease_revision": 5})
    agent.reinstalled().beat()
    assert SitePulse.objects.get().held_revision == 5


def test_the_highest_revision_that_any_installation_holds_is_kept(roma: RegisteredSite) -> None:
    agent = SimulatedAgent(roma)
    for held in (9, 5):
        agent.send({**agent.next_body(), "lease_revision": held})
    assert SitePulse.objects.get().held_revision == 9
