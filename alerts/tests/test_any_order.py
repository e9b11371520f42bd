"""Whatever sites, admins and the control plane do, in any order: what is said is true, whole, and said once."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as product
from django.db import transaction
from django.db.models import Count
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from alerts.evidence.timeline import read_timeline
from alerts.incidents.services import acknowledge_incident
from alerts.kinds import Kind, State
from alerts.models import Delivery, Incident, ReceivingMark
from alerts.tests.estate import Estate
from audit.actors import COMMAND, Actor
from sites.models import Site
from sites.services import deregister_site, extend_license, lock_site, restore_site, unlock_site

SITES = 14
sites = st.integers(0, SITES - 1)
some = st.sets(sites, min_size=1)


class AnyOrder(RuleBasedStateMachine):
    """Seven sites share a network. `judged` is true right after a look of the judge, before anything else happens."""

    by_anna: Actor

    @initialize()
    def begin(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.estate = Estate()
        self.channels = [self.estate.channel(kind) for kind in ("email", "webhook")]
        self.sites = [*self.estate.add(7, network="203.0.113"), *self.estate.add(SITES - 7)]
        self.judged = False

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    @rule(called=some)
    def sites_call(self, called: set[int]) -> None:
        self.judged = False
        live = Site.objects.live().filter(pk__in=[self.sites[number].pk for number in called])
        self.estate.call(*live.select_related("pulse"))

    @rule(minutes=st.sampled_from([1, 4, 14, 16, 61, 200, 360, 400, 1_500]))
    def time_passes(self, minutes: int) -> None:
        self.judged = False
        self.estate.now += timedelta(minutes=minutes)

    @rule(silent=some, minutes=st.integers(0, 20))
    def sites_fall_silent(self, silent: set[int], minutes: int) -> None:
        """So that they are offline in so many minutes, if nothing else happens."""
        self.judged = False
        for number in silent:
            site = Site.objects.select_related("pulse").get(pk=self.sites[number].pk)
            due_at = self.estate.now + timedelta(minutes=minutes) - product.HEARTBEAT_GRACE
            self.estate.set_heartbeat(site, at=min(self.estate.now, due_at) - timedelta(hours=6), due_at=due_at)
            site.pulse.save()

    @rule(number=sites, change=st.sampled_from(["lock", "unlock", "extend", "deregister", "restore", "expire"]))
    def an_admin_changes_a_site(self, number: int, change: str) -> None:
        self.judged = False
        site = Site.objects.get(pk=self.sites[number].pk)
        how: dict[str, Any] = {"by": COMMAND, "at": self.estate.now}
        if site.deregistered_at:
            if change == "restore":
                restore_site(site.pk, **how)
        elif change == "lock":
            lock_site(site.pk, reason="unpaid", **how)
        elif change == "unlock":
            unlock_site(site.pk, **how)
        elif change == "extend":
            extend_license(site.pk, days=100, **how)
        elif change == "deregister":
            deregister_site(site.pk, **how)
        elif change == "expire":
            Site.objects.filter(pk=site.pk).update(license_expires_at=self.estate.now + timedelta(days=2))

    @rule(minutes=st.sampled_from([1, 3, 59, 700]))
    def we_are_down(self, minutes: int) -> None:
        self.judged = False
        self.estate.be_down(timedelta(minutes=minutes))

    @rule()
    def the_judge_looks(self) -> None:
        self.estate.check(seconds=1)
        self.judged = True

    @precondition(lambda self: Incident.objects.exclude(state=State.RESOLVED).exists())
    @rule(data=st.data())
    def somebody_acknowledges(self, data: st.DataObject) -> None:
        incidents = list(Incident.objects.unresolved().order_by("sequence"))
        incident = data.draw(st.sampled_from(range(len(incidents))))
        acknowledge_incident(incidents[incident].id, by=self.by_anna, at=self.estate.now)

    @invariant()
    def each_silent_site_is_covered_once(self) -> None:
        if not getattr(self, "judged", False):
            return
        covered = self.estate.covered()
        assert set(covered.values()) <= {1}
        at = self.estate.now
        silent_before = read_timeline(at=at).silent_before(product.HEARTBEAT_GRACE)
        with_service = Site.objects.live().licensed(at=at).filter(is_locked=False)
        silent = set(with_service.filter(pulse__due_at__lt=silent_before).values_list("pk", flat=True))
        fine = set(with_service.filter(pulse__due_at__gte=at - product.HEARTBEAT_GRACE).values_list("pk", flat=True))
        fine |= set(Site.objects.exclude(pk__in=with_service.values("pk")).values_list("pk", flat=True))
        assert silent <= covered.keys()
        assert not fine & covered.keys()

    @invariant()
    def of_each_kind_and_site_one_is_unresolved(self) -> None:
        if hasattr(self, "estate"):
            unresolved = Incident.objects.unresolved().filter(site__isnull=False).order_by()
            assert not unresolved.values("kind", "site").annotate(n=Count("pk")).filter(n__gt=1)

    @invariant()
    def messages_have_their_order(self) -> None:
        if not hasattr(self, "estate"):
            return
        types = defaultdict(list)
        for channel, incident, type_ in Delivery.objects.order_by("sequence").values_list(
            "channel", "incident", "type"
        ):
            types[channel, incident].append(type_.removeprefix("incident."))
        for of_incident in types.values():
            assert of_incident[0] == "opened"
            assert "resolved" not in of_incident[:-1]
            assert of_incident.count("opened") == 1
            assert of_incident.count("acknowledged") <= 1
        # Each incident was told to both, and each end to programs.
        assert len(types) == 2 * Incident.objects.count()
        webhook = self.channels[1].pk
        for number, kind, state in Incident.objects.values_list("pk", "kind", "state"):
            assert (types[webhook, number][-1] == "resolved") == (state == State.RESOLVED), kind
            assert kind in Kind.values


@pytest.mark.slow(seconds=20)
@pytest.mark.parametrize("examples", [15, pytest.param(300, marks=pytest.mark.long)], ids=["some", "many"])
def test_what_is_said_is_true_whole_and_said_once(estate: Estate, by_anna: Actor, examples: int) -> None:
    Incident.objects.all().delete()
    ReceivingMark.objects.all().delete()
    AnyOrder.by_anna = by_anna
    checked = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(AnyOrder, settings=checked)
