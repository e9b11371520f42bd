"""Sites, the doorbell and the control plane as a state machine: notifications, processes and answers are lost at any moment.

The control plane's services, the doorbell's waits and lookups and the agent are the real ones. The clock is simulated, and what
the network does is drawn: notifications arrive late, twice, in another order or never; the doorbell and the agent are killed;
heartbeats and their answers are lost; the database is away. Three things must hold whatever happens: the panel says "applied"
only after a receipt, no decision is lost, and a site acts by the newest decision after its next heartbeat at the latest.
"""

import shutil
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from audit.actors import COMMAND
from common.keys import key_digests
from doorbell.lookups import Caller, revision_for, revisions_by_key, revisions_of
from doorbell.waits import Wait, Waits
from heartbeat.api.reports import read_report
from heartbeat.errors import SiteCallsTooOften
from heartbeat.services import SiteCredentials, record_heartbeat
from licensing.representation import key_set
from licensing.services import create_signing_key
from sites.models import Site
from sites.receipts import ReceiptStage
from sites.services import extend_license, lock_site, register_site, unlock_site, update_site
from tests.running_server import ROOT

sys.path.insert(0, str(ROOT / "agent" / "src"))

from portcullis_agent import Agent, Clock
from portcullis_agent.client import RequestFailed
from portcullis_agent.doorbell import Wait as PlannedWait

START = datetime(2030, 6, 1, 12, tzinfo=UTC).timestamp()
DOORBELL = "https://licenses.example.com/doorbell"
GOOD, LOST_REQUEST, LOST_ANSWER = "good", "the request is lost", "the answer is lost"
NETWORK = st.sampled_from([GOOD, GOOD, GOOD, LOST_REQUEST, LOST_ANSWER])
HOURS = 3600.0


class SimulatedClock(Clock):
    def __init__(self) -> None:
        self.now = START

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - START

    def machine_boot(self) -> str:
        return "one"


class ControlPlane:
    """The agent's server: calls the services, or loses what the network loses."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock, self.network = clock, GOOD
        self.is_database_away = False
        self.reported: set[int] = set()  # the revisions of the receipts that arrived

    def at(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now, UTC)

    def heartbeat(self, site_id: str, site_key: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.network == LOST_REQUEST or self.is_database_away:
            raise RequestFailed("No answer.")
        try:
            reply = record_heartbeat(SiteCredentials(site_id, site_key), read_report(body), ip=None, at=self.at())
        except SiteCallsTooOften as error:
            raise RequestFailed("Too often.", error.retry_after_seconds, 429) from error
        if body.get("applied_revision") is not None:
            self.reported.add(body["applied_revision"])
        if self.network == LOST_ANSWER:
            raise RequestFailed("The answer was cut off.")
        return dict(vars(reply))

    def key_set(self) -> dict[str, Any]:
        return key_set(at=self.at())

    def changed_key_set(self) -> dict[str, Any] | None:
        return self.key_set()

    def open_doorbell(self, site_id: str, site_key: str) -> Any:
        raise AssertionError("the machine waits in the agent's place")


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = SimulatedClock()
        self.server = ControlPlane(self.clock)
        create_signing_key(by=COMMAND, at=self.server.at())
        registration = register_site(
            name="Roma", owner_name="Giulia", contact_email="g@roma.example", by=COMMAND, at=self.server.at()
        )
        self.site_id, self.key = registration.site.pk, registration.secret_key
        self.notifications: list[tuple[uuid.UUID, int]] = []
        self.waits = Waits()
        self.wait: Wait | None = None
        self.is_checked = False
        self.start_agent()
        assert self.agent.enrol().stored

    def teardown(self) -> None:
        self.agent.close()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @property
    def site(self) -> Site:
        return Site.objects.select_related("pulse").get(pk=self.site_id)

    def start_agent(self) -> None:
        self.agent = Agent(
            url="https://licenses.example.com",
            site_id=str(self.site_id),
            site_key=self.key,
            state_dir=self.folder,
            clock=self.clock,
            server=self.server,
        )

    # --- Decisions ---

    def decided(self, site: Site) -> None:
        self.notifications.append((site.pk, site.revision))

    @rule(reason=st.sampled_from(["unpaid", "stolen"]))
    def lock(self, reason: str) -> None:
        self.decided(lock_site(self.site_id, reason=reason, by=COMMAND, at=self.server.at()))

    @rule()
    def unlock(self) -> None:
        self.decided(unlock_site(self.site_id, by=COMMAND, at=self.server.at()))

    @rule()
    def extend(self) -> None:
        self.decided(extend_license(self.site_id, days=3, by=COMMAND, at=self.server.at()))

    @rule(active=st.booleans())
    def deactivate_or_activate(self, active: bool) -> None:
        self.decided(update_site(self.site_id, {"is_active": active}, by=COMMAND, at=self.server.at()))

    # --- Notifications ---

    @precondition(lambda self: self.notifications)
    @rule(data=st.data(), what=st.sampled_from(["arrives", "arrives twice", "is lost"]))
    def notification(self, data: st.DataObject, what: str) -> None:
        """Any of those under way, so that they also arrive in another order."""
        site_id, revision = self.notifications.pop(data.draw(st.integers(0, len(self.notifications) - 1)))
        for _ in range({"arrives": 1, "arrives twice": 2, "is lost": 0}[what]):
            self.waits.announce(site_id, revision)

    @rule()
    def the_doorbell_asks(self) -> None:
        """As once a second without notifications, and after the listening connection came back."""
        for site_id, revision in revisions_of(self.waits.sites()).items():
            self.waits.announce(site_id, revision)
        if self.wait is not None:
            assert self.wait.is_over is (self.site.revision > self.wait.since)

    @precondition(lambda self: self.wait is None)
    @rule(revision=st.integers(1, 2**53 - 1))
    def a_forged_ring(self, revision: int) -> None:
        """Of a false doorbell; the site may wait there."""
        if isinstance(self.agent.next_wait(), PlannedWait):
            self.agent.wait_ended(revision)

    # --- Waits ---

    @precondition(lambda self: self.wait is None)
    @rule()
    def a_wait_begins(self) -> None:
        planned = self.agent.next_wait()
        if isinstance(planned, PlannedWait):
            assert planned.url == DOORBELL
            self.wait, self.is_checked = Wait(self.site_id, planned.since, "192.0.2.1"), False
            self.waits.open(self.wait)

    @precondition(lambda self: self.wait is not None and not self.is_checked)
    @rule()
    def its_credentials_are_checked(self) -> None:
        """Changes may have come between."""
        assert self.wait is not None
        caller = Caller(self.site_id, tuple(key_digests(self.key)))
        revision = revision_for(caller, revisions_by_key([caller]))
        assert revision == self.site.revision
        self.wait.announce(revision)
        self.waits.accept(self.wait)
        self.is_checked = True

    @precondition(lambda self: self.wait is not None and self.is_checked)
    @rule(seconds=st.sampled_from([0.1, 30.0, 55.0]))
    def the_wait_ends(self, seconds: float) -> None:
        wait = self.leave_doorbell()
        self.clock.now += seconds
        self.agent.wait_ended(wait.revision if wait.is_over else None)

    @precondition(lambda self: self.wait is not None)
    @rule(status=st.sampled_from([None, 502, 503]))
    def the_doorbell_is_killed(self, status: int | None) -> None:
        self.leave_doorbell()
        self.agent.wait_failed(RequestFailed("It is gone.", status=status))

    def leave_doorbell(self) -> Wait:
        assert self.wait is not None
        wait, self.wait = self.wait, None
        self.waits.close(wait)
        assert len(self.waits) == 0
        return wait

    # --- The site ---

    @rule(network=NETWORK, away=st.sampled_from([False, False, False, True]))
    def the_agent_does_what_is_due(self, network: str, away: bool) -> None:
        self.server.network, self.server.is_database_away = network, away
        self.agent.step()

    @rule(seconds=st.sampled_from([1.0, 5.0, 60.0, 1 * HOURS]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def the_agent_is_killed(self) -> None:
        if self.wait is not None:
            self.leave_doorbell()
        self.agent._keeper.folder.unlock()  # as the kernel does; nothing is written
        self.start_agent()

    @rule()
    def its_next_heartbeat_brings_the_newest_decision(self) -> None:
        """Without any doorbell: the time that the last answer named, and half an hour of failures before."""
        self.server.network, self.server.is_database_away = GOOD, False
        before = self.site.pulse.last_seen_at
        deadline = self.clock.now + 7 * HOURS
        while self.site.pulse.last_seen_at == before:
            assert self.clock.now < deadline
            self.clock.now += max(1.0, self.agent.step())
        self.acts_by_the_newest_decision()
        for _ in range(3):  # and the one that reports it
            self.clock.now += max(1.0, min(self.agent.step(), 20.0))
        assert self.site.receipt_stage == ReceiptStage.APPLIED

    def acts_by_the_newest_decision(self) -> None:
        site, held = self.site, self.agent._keeper.snapshot.lease
        assert held is not None
        assert held.revision == site.revision
        expected = "locked" if site.is_locked else "ok" if site.is_active else "expired"
        state = self.agent.verdict().state
        assert (state, self.agent.verdict().may_operate) == (expected, expected == "ok")

    @invariant()
    def applied_means_that_the_site_said_so(self) -> None:
        site = self.site
        if site.receipt_stage == ReceiptStage.APPLIED:
            assert site.revision in self.server.reported
            assert site.pulse.applied_revision == site.revision


def run(examples: int, django_settings: Any) -> None:
    django_settings.DOORBELL_URL = DOORBELL
    django_settings.HEARTBEATS_PER_MINUTE = 1000
    limits = settings(max_examples=examples, stateful_step_count=40, deadline=None, database=None)
    run_state_machine_as_test(Life, settings=limits)


@pytest.mark.slow
def test_no_decision_is_lost_and_none_is_applied_without_a_receipt(db: None, settings: Any) -> None:
    run(15, settings)


@pytest.mark.long
def test_no_decision_is_lost_in_a_long_run(db: None, settings: Any) -> None:
    run(500, settings)
