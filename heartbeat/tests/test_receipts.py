"""What the agent was answered and what it says it has applied. Neither is known of a local backend without an agent."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from conftest import RegisteredSite
from heartbeat.runs import Boot
from heartbeat.services import Report, SiteCredentials, record_heartbeat
from heartbeat.tests.calls import NOON
from sites.attention import Attention, attention_conditions, pulses_needing_attention, sites_needing_attention
from sites.models import Site, SitePulse
from sites.receipts import ReceiptStage, receipt_conditions

NONCE = "n" * 16
MINUTE = timedelta(minutes=1)
BOOT = Boot(uuid.UUID(int=1), uuid.UUID(int=2), 1)
AGENT = {"nonce": NONCE, "instance_id": str(BOOT.instance_id), "boot_id": str(BOOT.boot_id), "sequence": 1}
UNKNOWN = {"delivered_revision": None, "applied_revision": None, "applied_state": None, "applied_at": None}


def receipt(api: APIClient, site: RegisteredSite) -> dict[str, Any]:
    representation = api.get(site.path).json()
    return {name: representation[name] for name in UNKNOWN}


def beat(
    site: RegisteredSite, at: datetime, *applied: Any, nonce: str | None = NONCE, boot: Boot | None = None
) -> None:
    report = Report("1.0.0", 60, nonce, boot, None, *applied)
    record_heartbeat(SiteCredentials(site.site_id, site.key), report, ip=None, at=at)


def stage(site: RegisteredSite) -> ReceiptStage:
    """The stage by `Site.receipt_stage`, which is the only one whose condition holds."""
    by_condition = [
        stage for stage, condition in receipt_conditions().items() if Site.objects.filter(condition, pk=site.site_id)
    ]
    by_property = Site.objects.select_related("pulse").get(pk=site.site_id).receipt_stage
    assert by_condition == [by_property]
    return by_property


def test_a_call_without_an_agent_says_nothing_of_receipts(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home()
    assert receipt(api, roma) == UNKNOWN
    assert stage(roma) == ReceiptStage.UNREPORTED


def test_a_decision_is_requested_then_delivered_then_applied(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home(nonce=NONCE, applied_revision=0, applied_state="lapsed")
    assert stage(roma) == ReceiptStage.DELIVERED
    roma.call_home(nonce=NONCE, applied_revision=1, applied_state="ok")
    assert stage(roma) == ReceiptStage.APPLIED
    api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    assert stage(roma) == ReceiptStage.REQUESTED
    assert receipt(api, roma)["delivered_revision"] == 1
    roma.call_home(nonce=NONCE, applied_revision=1, applied_state="ok")
    assert stage(roma) == ReceiptStage.DELIVERED
    assert receipt(api, roma)["delivered_revision"] == 2
    roma.call_home(nonce=NONCE, applied_revision=2, applied_state="locked")
    assert stage(roma) == ReceiptStage.APPLIED
    found = receipt(api, roma)
    assert (found["applied_revision"], found["applied_state"]) == (2, "locked")
    assert found["applied_at"] == api.get(roma.path).json()["last_seen_at"]


def test_a_report_without_a_nonce_counts_too(api: APIClient, roma: RegisteredSite) -> None:
    roma.call_home(applied_revision=1, applied_state="ok")
    found = receipt(api, roma)
    assert (found["delivered_revision"], found["applied_revision"], found["applied_state"]) == (1, 1, "ok")


def test_what_was_applied_before_it_was_delivered_is_not_believed(roma: RegisteredSite) -> None:
    beat(roma, NOON, 7, "locked")
    Site.objects.update(revision=5)
    assert stage(roma) == ReceiptStage.REQUESTED
    beat(roma, NOON + MINUTE, 7, "locked")
    assert stage(roma) == ReceiptStage.DELIVERED
    beat(roma, NOON + 2 * MINUTE, 5, "locked")
    assert stage(roma) == ReceiptStage.APPLIED


def test_the_times_are_those_of_the_first_report(roma: RegisteredSite) -> None:
    beat(roma, NOON, 0, "lapsed")
    beat(roma, NOON + MINUTE, 1, "ok")
    beat(roma, NOON + 2 * MINUTE, 1, "notice")
    pulse = SitePulse.objects.get()
    assert (pulse.delivered_at, pulse.applied_at, pulse.applied_state) == (NOON, NOON + MINUTE, "notice")


def test_a_call_that_reports_nothing_leaves_what_was_reported(roma: RegisteredSite) -> None:
    beat(roma, NOON, 1, "ok")
    beat(roma, NOON + MINUTE, nonce=None)
    pulse = SitePulse.objects.get()
    assert (pulse.applied_revision, pulse.applied_state, pulse.applied_at) == (1, "ok", NOON)


def test_a_late_call_takes_no_receipt_back(roma: RegisteredSite) -> None:
    beat(roma, NOON, 2, "locked")
    beat(roma, NOON - MINUTE, 1, "ok")
    pulse = SitePulse.objects.get()
    assert (pulse.applied_revision, pulse.applied_state, pulse.applied_at) == (2, "locked", NOON)


def test_a_repetition_delivers_but_applies_nothing(roma: RegisteredSite) -> None:
    beat(roma, NOON, 1, "ok", boot=BOOT)
    Site.objects.update(revision=2)
    beat(roma, NOON + MINUTE, 2, "locked", boot=BOOT)
    pulse = SitePulse.objects.get()
    assert (pulse.lease_revision, pulse.delivered_at) == (2, NOON + MINUTE)
    assert (pulse.applied_revision, pulse.applied_state) == (1, "ok")


@pytest.mark.parametrize(
    "fields",
    [
        {"applied_revision": 1},
        {"applied_state": "ok"},
        {"applied_revision": 1, "applied_state": None},
        {"applied_revision": "1", "applied_state": "ok"},
        {"applied_revision": True, "applied_state": "ok"},
        {"applied_revision": -1, "applied_state": "ok"},
        {"applied_revision": 2**53, "applied_state": "ok"},
        {"applied_revision": 1, "applied_state": "open"},
        {"applied_revision": 1, "applied_state": 5},
        {"applied_revision": 1, "applied_state": ["ok"]},
    ],
)
@pytest.mark.parametrize("agent", [{}, AGENT])
def test_half_a_report_and_wrong_values_are_refused(
    roma: RegisteredSite, fields: dict[str, Any], agent: dict[str, Any]
) -> None:
    answer = roma.call_home(**agent, **fields)
    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} <= {"/applied_revision", "/applied_state"}
    assert SitePulse.objects.get().last_seen_at is None


def test_null_is_as_if_it_was_left_out(api: APIClient, roma: RegisteredSite) -> None:
    assert roma.call_home(applied_revision=None, applied_state=None).status_code == 200
    assert receipt(api, roma) == UNKNOWN


def test_the_answer_says_where_the_doorbell_is(roma: RegisteredSite, settings: Any) -> None:
    assert roma.call_home().json()["doorbell"] is None
    settings.DOORBELL_URL = "https://licenses.example.com/doorbell"
    assert roma.call_home().json()["doorbell"] == "https://licenses.example.com/doorbell"


# --- Attention ------------------------------------------------------------------------------------------------------


def reasons(at: datetime) -> list[str]:
    """Of the only site; both forms of the condition agree."""
    found = [
        reason
        for reason, (on_site, on_pulse) in attention_conditions(at).items()
        if Site.objects.live().filter(on_site & on_pulse)
    ]
    assert sites_needing_attention(at=at).exists() is bool(found)
    assert SitePulse.objects.filter(pulses_needing_attention(at), Q(site__deregistered_at=None)).exists() is bool(found)
    return found


def test_a_lock_that_is_not_applied_within_ten_minutes_needs_attention(roma: RegisteredSite) -> None:
    beat(roma, NOON, 1, "ok")
    Site.objects.update(is_locked=True, lock_reason="unpaid", locked_at=NOON, revision=2)
    beat(roma, NOON + MINUTE, 1, "ok")
    assert reasons(NOON + 11 * MINUTE) == []
    assert reasons(NOON + 11 * MINUTE + timedelta(seconds=1)) == [Attention.LOCK_NOT_APPLIED]
    beat(roma, NOON + 20 * MINUTE, 2, "locked")
    assert reasons(NOON + 40 * MINUTE) == []


def test_a_revision_that_was_never_delivered_is_no_receipt_of_a_lock(roma: RegisteredSite) -> None:
    beat(roma, NOON, 2**53 - 1, "ok")
    Site.objects.update(is_locked=True, lock_reason="unpaid", locked_at=NOON, revision=2)
    beat(roma, NOON + MINUTE, 2**53 - 1, "ok")
    assert reasons(NOON + 40 * MINUTE) == [Attention.LOCK_NOT_APPLIED]


def test_an_older_agent_that_reports_nothing_again_is_not_waited_for(roma: RegisteredSite) -> None:
    beat(roma, NOON, 1, "ok")
    Site.objects.update(is_locked=True, lock_reason="unpaid", locked_at=NOON, revision=2)
    beat(roma, NOON + MINUTE)
    assert stage(roma) == ReceiptStage.DELIVERED
    assert reasons(NOON + 40 * MINUTE) == []


def test_a_lock_of_a_site_whose_agent_reports_nothing_needs_no_attention(roma: RegisteredSite) -> None:
    Site.objects.update(is_locked=True, lock_reason="unpaid", locked_at=NOON, revision=2)
    beat(roma, NOON)
    assert reasons(NOON + 60 * MINUTE) == []


def test_an_unlock_that_is_not_applied_is_no_lock(roma: RegisteredSite) -> None:
    beat(roma, NOON, 1, "ok")
    Site.objects.update(revision=2, license_expires_at=NOON + timedelta(days=90))
    beat(roma, NOON + MINUTE, 1, "ok")
    assert reasons(NOON + 60 * MINUTE) == []


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no notifications")
def test_each_change_is_announced_once_in_its_transaction(api: APIClient, roma: RegisteredSite) -> None:
    with CaptureQueriesContext(connection) as queries:
        api.post(f"{roma.path}/lock", {"reason": "unpaid"})
        api.post(f"{roma.path}/lock", {"reason": "unpaid"})
    announced = [query["sql"] for query in queries if "pg_notify" in query["sql"]]
    assert len(announced) == 1
    assert f"'{roma.site_id}:2'" in announced[0]
