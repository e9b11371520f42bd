"""One incident takes the place of those of sites that went offline together, while sites join and leave it."""

from datetime import timedelta

import pytest

from alerts.incidents.services import acknowledge_incident
from alerts.kinds import Kind
from alerts.models import Incident, IncidentSite
from alerts.tests.estate import DAY, HOUR, MINUTE, Estate, ids
from audit.actors import Actor
from audit.models import Event
from sites.models import Site
from sites.services import create_organization

NETWORK = "203.0.113"


@pytest.fixture
def busy(estate: Estate) -> Estate:
    """With so many sites that few are no fifth of all: they call again and again."""
    estate.others = estate.add(60)  # type: ignore[attr-defined]
    return estate


def silence(estate: Estate, sites: list[Site], *, minutes: float = 0) -> None:
    """Let these become offline so many minutes from now; the others have called just now."""
    estate.call(*estate.others)  # type: ignore[attr-defined]
    for site in sites:
        estate.set_heartbeat(site, at=estate.now - 6 * HOUR, due_at=estate.now - HOUR + minutes * MINUTE)
        site.pulse.save()


def group(estate: Estate) -> Incident:
    [incident] = estate.unresolved(Kind.SITES_OFFLINE_TOGETHER)
    return incident


def members(incident: Incident) -> set[object]:
    return set(IncidentSite.objects.present().filter(incident=incident).values_list("site", flat=True))


def test_fourteen_sites_behind_one_network_are_one_message(busy: Estate) -> None:
    people, program = busy.channel("email"), busy.channel()
    sites = busy.add(14, network=NETWORK)
    for number, site in enumerate(sites):
        silence(busy, [site], minutes=number / 2)
    busy.check(minutes=8)
    incident = group(busy)
    assert incident.title == "14 sites behind 203.0.113.0/24 went silent between 00:00 and 00:06 UTC"
    assert (incident.severity, incident.site_id, incident.site_count) == ("critical", None, 14)
    assert members(incident) == ids(sites)
    assert not busy.unresolved(Kind.SITE_OFFLINE)
    for channel in (people, program):
        assert busy.told(channel) == [("opened", Kind.SITES_OFFLINE_TOGETHER)]
    busy.call(*sites)
    busy.check(seconds=30)
    assert busy.told(people)[1:] == [("resolved", Kind.SITES_OFFLINE_TOGETHER)]
    assert not busy.unresolved()


def test_sites_of_a_chain_are_one_message_and_later_ones_join_it(busy: Estate) -> None:
    people = busy.channel("email")
    chain = create_organization(name="Conti Trattorie", by=Actor(Event.Source.COMMAND), at=busy.now)
    sites = busy.add(7, organization_id=chain.pk)
    silence(busy, sites[:6])
    busy.check(seconds=30)
    incident = group(busy)
    assert incident.title == "6 sites of Conti Trattorie went silent at 00:00 UTC"
    assert incident.detail.startswith("They belong to one organization. Silent: ")
    silence(busy, sites[6:])
    busy.check(seconds=30)
    assert members(group(busy)) == ids(sites)
    assert group(busy).title.startswith("7 sites of Conti Trattorie")
    busy.call(*sites)
    busy.check(seconds=30)
    assert busy.told(people) == [
        ("opened", Kind.SITES_OFFLINE_TOGETHER),
        ("resolved", Kind.SITES_OFFLINE_TOGETHER),
    ]


def test_a_network_of_ipv6_addresses_is_a_48(busy: Estate) -> None:
    near = busy.add(4, network="2001:db8:7:1") + busy.add(1, network="2001:db8:7:2")
    for site, last in zip(near, range(5), strict=True):
        site.pulse.last_seen_ip = f"2001:db8:7:{last}::1"
    silence(busy, near)
    busy.check(minutes=1)
    assert group(busy).subject == "2001:db8:7::/48"


def test_neighbours_in_another_network_are_no_group(busy: Estate) -> None:
    silence(busy, busy.add(4, network=NETWORK) + busy.add(4, network="203.0.114"))
    busy.check(minutes=1)
    assert len(busy.unresolved(Kind.SITE_OFFLINE)) == 8
    assert not busy.unresolved(Kind.SITES_OFFLINE_TOGETHER)


def test_a_fifth_of_all_that_should_have_called_is_one_message(busy: Estate) -> None:
    sites = busy.add(15)
    silence(busy, sites)
    busy.check(minutes=1)
    incident = group(busy)
    assert incident.title == "15 sites went silent at 00:00 UTC"
    assert members(incident) == ids(sites)


def test_less_than_a_fifth_without_a_network_in_common_are_alone(busy: Estate) -> None:
    silence(busy, busy.add(14))
    busy.check(minutes=1)
    assert len(busy.unresolved(Kind.SITE_OFFLINE)) == 14


def test_sites_that_were_told_alone_are_replaced_without_a_message_to_people(busy: Estate) -> None:
    people, program = busy.channel("email"), busy.channel()
    sites = busy.add(6, network=NETWORK)
    silence(busy, sites[:3])
    silence(busy, sites[3:], minutes=5)
    busy.check(minutes=1)
    assert len(busy.unresolved(Kind.SITE_OFFLINE)) == 3
    busy.check(minutes=5)
    assert members(group(busy)) == ids(sites)
    assert not busy.unresolved(Kind.SITE_OFFLINE)
    alone, together = Kind.SITE_OFFLINE, Kind.SITES_OFFLINE_TOGETHER
    assert busy.told(people) == [*[("opened", alone)] * 3, ("opened", together)]
    assert sorted(busy.told(program)) == sorted(
        [*[("opened", alone)] * 3, ("opened", together), *[("resolved", alone)] * 3]
    )


def test_an_incident_that_somebody_takes_care_of_stays_alone(busy: Estate, by_anna: Actor) -> None:
    sites = busy.add(6, network=NETWORK)
    silence(busy, sites)
    silence(busy, sites[1:], minutes=5)
    busy.check(minutes=1)
    [first] = busy.unresolved(Kind.SITE_OFFLINE)
    acknowledge_incident(first.id, by=by_anna, at=busy.now)
    busy.check(minutes=5)
    assert members(group(busy)) == ids(sites[1:])
    assert [one.pk for one in busy.unresolved(Kind.SITE_OFFLINE)] == [first.pk]


def test_later_ones_join_without_a_message_and_are_told_when_they_have_doubled(busy: Estate) -> None:
    people = busy.channel("email")
    sites = busy.add(12, network=NETWORK)
    silence(busy, sites[:5])
    busy.check(minutes=1)
    for first, last, told in ((5, 9, []), (9, 10, ["reminded"]), (10, 12, ["reminded"])):
        busy.now += 40 * MINUTE
        silence(busy, sites[first:last])
        busy.check(minutes=1)
        assert [type_ for type_, _ in busy.told(people)[1:]] == told
    assert members(group(busy)) == ids(sites)
    assert group(busy).title.startswith("12 sites behind 203.0.113.0/24 went silent between 00:00 and 02:0")


def test_the_detail_says_who_is_back(busy: Estate) -> None:
    sites = busy.add(14, network=NETWORK)
    silence(busy, sites)
    busy.check(minutes=1)
    busy.call(sites[0])
    busy.check(minutes=1)
    assert group(busy).site_count == 13
    assert "1 of them has called again." in group(busy).detail
    assert group(busy).title.startswith("14 sites")


def test_when_few_are_left_for_an_hour_they_get_incidents_of_their_own(busy: Estate) -> None:
    people = busy.channel("email")
    sites = busy.add(8, network=NETWORK)
    silence(busy, sites)
    busy.check(minutes=1)
    busy.call(*sites[2:])
    busy.check(minutes=1)
    assert members(group(busy)) == ids(sites[:2])
    busy.check(minutes=59)
    assert group(busy)
    busy.call(*busy.others)  # type: ignore[attr-defined]
    busy.check(minutes=1)
    assert not busy.unresolved(Kind.SITES_OFFLINE_TOGETHER)
    assert {one.site_id for one in busy.unresolved(Kind.SITE_OFFLINE)} == ids(sites[:2])
    together, alone = Kind.SITES_OFFLINE_TOGETHER, Kind.SITE_OFFLINE
    assert busy.told(people) == [("opened", together), ("resolved", together), *[("opened", alone)] * 2]


def test_half_of_a_small_group_keeps_it(busy: Estate) -> None:
    sites = busy.add(5, network=NETWORK)
    silence(busy, sites)
    busy.check(minutes=1)
    busy.call(*sites[3:])
    busy.check(minutes=1)
    busy.check(hours=3)
    assert members(group(busy)) == ids(sites[:3])


def test_a_member_that_comes_and_goes_is_one_site_and_no_message(busy: Estate) -> None:
    people = busy.channel("email")
    sites = busy.add(6, network=NETWORK)
    silence(busy, sites)
    busy.check(minutes=1)
    for _ in range(4):
        busy.now += 10 * MINUTE
        busy.call(sites[0])
        busy.check(seconds=30)
        silence(busy, sites[:1])
        busy.check(seconds=30)
    assert members(group(busy)) == ids(sites)
    assert group(busy).title.startswith("6 sites")
    assert busy.told(people) == [("opened", Kind.SITES_OFFLINE_TOGETHER)]


@pytest.mark.parametrize("change", ["lock", "deregister"])
def test_a_member_without_service_leaves(busy: Estate, change: str) -> None:
    from audit.actors import COMMAND
    from sites.services import deregister_site, lock_site

    sites = busy.add(6, network=NETWORK)
    silence(busy, sites)
    busy.check(minutes=1)
    if change == "lock":
        lock_site(sites[0].pk, reason="unpaid", by=COMMAND, at=busy.now)
    else:
        deregister_site(sites[0].pk, by=COMMAND, at=busy.now)
    busy.check(seconds=30)
    assert members(group(busy)) == ids(sites[1:])


@pytest.mark.parametrize("is_acknowledged", [False, True], ids=["open", "acknowledged"])
def test_a_group_that_never_ends_does_not_hide_a_later_failure_of_its_network(
    busy: Estate, by_anna: Actor, is_acknowledged: bool
) -> None:
    people = busy.channel("email")
    old, new = busy.add(5, network=NETWORK), busy.add(6, network=NETWORK)
    silence(busy, old)
    busy.call(*new)
    busy.check(minutes=1)
    first = group(busy)
    if is_acknowledged:
        acknowledge_incident(first.id, by=by_anna, at=busy.now)
    busy.now += 3 * DAY
    silence(busy, new)
    busy.check(minutes=1)
    earlier, later = busy.unresolved(Kind.SITES_OFFLINE_TOGETHER)
    assert earlier.pk == first.pk
    assert (members(earlier), members(later)) == (ids(old), ids(new))
    assert later.title == "6 sites behind 203.0.113.0/24 went silent at 00:01 UTC"
    assert [type_ for type_, _ in busy.told(people)].count("opened") == 2
    busy.call(*new)
    busy.check(minutes=1)
    assert [one.pk for one in busy.unresolved(Kind.SITES_OFFLINE_TOGETHER)] == [first.pk]


def test_a_second_failure_of_a_fifth_of_all_is_told_though_the_first_is_not_over(busy: Estate) -> None:
    old, new = busy.add(30), busy.add(35)
    silence(busy, old)
    busy.call(*new)
    busy.check(minutes=1)
    busy.now += 2 * DAY
    silence(busy, new)
    busy.check(minutes=1)
    assert [members(one) for one in busy.unresolved(Kind.SITES_OFFLINE_TOGETHER)] == [ids(old), ids(new)]


@pytest.mark.slow
def test_a_chain_of_single_failures_joins_a_group_for_one_interval_only(busy: Estate) -> None:
    """On a large estate some site fails in each quarter of an hour."""
    sites, single = busy.add(45), busy.add(30)
    silence(busy, sites)
    busy.call(*single)
    busy.check(minutes=1)
    for one in single:
        busy.now += 13 * MINUTE
        silence(busy, [one])
        busy.call(*[each for each in single if each.pk > one.pk or each.pk < one.pk][-1:])
        busy.check(minutes=1)
    first = group(busy)
    newest = IncidentSite.objects.filter(incident=first).order_by("-since")[0].since
    assert newest <= first.since + timedelta(hours=6.3, minutes=15)
    assert busy.unresolved(Kind.SITE_OFFLINE)
