"""Which silences have a common cause, for any silences."""

import random
import uuid
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.incidents.grouping import (
    EVERYWHERE,
    SMALLEST_GROUP,
    WINDOW,
    CommonCause,
    Silence,
    cause_in,
    clusters,
    common_causes,
    earlier_subject,
    organization_in,
)
from alerts.tests.estate import START

CHAIN = uuid.UUID(int=7)
NETWORKS = ["", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/48"]


@st.composite
def silences(draw: st.DrawFn) -> list[Silence]:
    organizations = st.sampled_from([None, CHAIN, uuid.UUID(int=8)])
    row = st.tuples(st.integers(0, 120), st.sampled_from(NETWORKS), organizations)
    return [
        Silence(uuid.UUID(int=number), START + timedelta(minutes=minute), network, organization=organization)
        for number, (minute, network, organization) in enumerate(draw(st.lists(row, max_size=40)))
    ]


def found(given_: list[Silence], *, calling: int) -> list[CommonCause]:
    return common_causes(given_, calling_since=lambda _: calling)


@settings(max_examples=500, deadline=None)
@given(silences(), st.sampled_from([0, 3, 20, 500]), st.randoms(use_true_random=False))
def test_each_cause_has_enough_sites_and_no_site_has_two(
    silent: list[Silence], calling: int, randomness: random.Random
) -> None:
    causes = found(silent, calling=calling)
    members = [silence.site_id for cause in causes for silence in cause.silences]
    assert len(members) == len(set(members))
    for cause in causes:
        assert len(cause.silences) >= SMALLEST_GROUP
        if cause.subject != EVERYWHERE:
            assert all(cause.subject in silence.subjects for silence in cause.silences)
        # Each is among five within a quarter of an hour.
        for silence in cause.silences:
            near = [one.since for one in cause.silences if abs(one.since - silence.since) <= WINDOW]
            assert len(near) >= SMALLEST_GROUP
    shuffled = list(silent)
    randomness.shuffle(shuffled)
    assert as_sets(found(shuffled, calling=calling)) == as_sets(causes)


def as_sets(causes: list[CommonCause]) -> set[tuple[str, frozenset[uuid.UUID]]]:
    return {(cause.subject, frozenset(silence.site_id for silence in cause.silences)) for cause in causes}


@settings(max_examples=300, deadline=None)
@given(silences(), st.integers(0, 300))
def test_five_of_a_network_within_a_quarter_of_an_hour_always_have_a_cause(silent: list[Silence], calling: int) -> None:
    grouped = {silence.site_id for cause in found(silent, calling=calling) for silence in cause.silences}
    for network in NETWORKS[1:]:
        for cluster in clusters(silence for silence in silent if silence.network == network):
            assert {silence.site_id for silence in cluster} <= grouped


def of(count: int, network: str, *, minute: int = 0, first: int = 0) -> list[Silence]:
    since = START + timedelta(minutes=minute)
    return [Silence(uuid.UUID(int=first + number), since, network) for number in range(count)]


def test_four_are_no_group_and_five_are_one() -> None:
    assert not found(of(4, NETWORKS[1]), calling=500)
    assert as_sets(found(of(5, NETWORKS[1]), calling=500)) == as_sets([CommonCause(NETWORKS[1], of(5, NETWORKS[1]))])


def test_a_quarter_of_an_hour_is_within_and_a_second_more_is_not() -> None:
    first = of(4, NETWORKS[1])
    at_the_end = Silence(uuid.UUID(int=9), START + WINDOW, NETWORKS[1])
    assert found([*first, at_the_end], calling=500)
    assert not found(
        [*first, Silence(uuid.UUID(int=9), START + WINDOW + timedelta(seconds=1), NETWORKS[1])], calling=500
    )


def test_a_fifth_of_all_is_a_common_cause_and_fewer_are_not() -> None:
    scattered = [Silence(uuid.UUID(int=number), START, f"198.51.{number}.0/24") for number in range(10)]
    assert [cause.subject for cause in found(scattered, calling=40)] == [EVERYWHERE]
    assert not found(scattered, calling=41)


def test_if_most_of_a_fifth_share_a_network_that_is_the_cause() -> None:
    most = [*of(8, NETWORKS[1]), *of(2, NETWORKS[2], first=100)]
    assert [cause.subject for cause in found(most, calling=0)] == [NETWORKS[1]]
    less = [*of(7, NETWORKS[1]), *of(3, NETWORKS[2], first=100)]
    assert [cause.subject for cause in found(less, calling=0)] == [EVERYWHERE]


def of_chain(count: int, *, first: int = 0, network: str = "") -> list[Silence]:
    """From networks of their own, or all from one."""
    return [
        Silence(uuid.UUID(int=first + number), START, network or f"198.51.{first + number}.0/24", organization=CHAIN)
        for number in range(count)
    ]


def test_sites_of_an_organization_have_it_in_common() -> None:
    (cause,) = found(of_chain(5), calling=500)
    assert (cause.subject, len(cause.silences)) == (f"organization:{CHAIN}", 5)
    assert organization_in(cause.subject) == CHAIN
    assert found(of_chain(4), calling=500) == []


def test_a_network_is_the_likelier_cause_than_an_organization() -> None:
    (cause,) = found(of_chain(6, network=NETWORKS[1]), calling=500)
    assert cause.subject == NETWORKS[1]
    both = found(of_chain(6, network=NETWORKS[1]) + of_chain(7, first=20), calling=500)
    assert {(cause.subject, len(cause.silences)) for cause in both} == {(NETWORKS[1], 6), (f"organization:{CHAIN}", 7)}


def test_if_most_of_a_fifth_belong_to_an_organization_that_is_the_cause() -> None:
    others = [Silence(uuid.UUID(int=900 + number), START, f"203.0.{number}.0/24") for number in range(2)]
    (cause,) = found(of_chain(8) + others, calling=10)
    assert (cause.subject, len(cause.silences)) == (f"organization:{CHAIN}", 8)
    (cause,) = found(of_chain(5) + others + of(3, NETWORKS[1], first=950), calling=10)
    assert (cause.subject, len(cause.silences)) == (EVERYWHERE, 10)


def test_sites_without_a_known_network_share_none() -> None:
    assert not found(of(9, ""), calling=500)


def test_the_network_of_an_earlier_cause_can_be_read() -> None:
    for network in (EVERYWHERE, NETWORKS[1]):
        earlier = earlier_subject(network, 17)
        assert cause_in(earlier) == cause_in(network) == network
        assert earlier != network
        assert earlier_subject(earlier, 18) == earlier
