"""The simulations of `make simulate-clones`, small, and the rule by which they judge."""

import random
import uuid

import pytest

from tests.simulations import clone_runs, ordinary_lives
from tests.simulations.clone_rule import Call, evidence

SEED = 7


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.django_db
def test_clones_are_suspected_as_soon_as_their_heartbeats_show_them() -> None:
    report = clone_runs.simulate(15, random.Random(SEED))
    assert not report.is_bad, report.text(shown=3)


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.django_db
def test_nothing_else_is_suspected() -> None:
    report = ordinary_lives.simulate(300, random.Random(SEED))
    assert not report.is_bad, report.text(shown=3)


def calls(order: str, *, instances: dict[str, uuid.UUID] | None = None) -> list[Call]:
    """A heartbeat for each letter, of the boot with that name; a small letter repeats the last one of its boot."""
    boots = {name: uuid.uuid4() for name in order.upper()}
    common, sent, made = uuid.uuid4(), dict.fromkeys(boots, 0), []
    for name in order:
        sent[name.upper()] += name.isupper()
        instance = (instances or {}).get(name.upper(), common)
        made.append(Call(0, instance, boots[name.upper()], sent[name.upper()]))
    return made


@pytest.mark.parametrize(
    ("order", "decided"),
    [
        ("AABAB", None),  # a restart and a late arrival
        ("AABABA", 5),
        ("AABAAB", 5),
        ("ABBAAA", None),  # a snapshot with its memory
        ("ABaBaB", None),
        ("ABACBC", None),  # a late arrival after each of two restarts
        ("ABACAB", 5),
        ("ABABb", None),
    ],
)
def test_copies_must_be_suspected_at_their_second_heartbeats_in_turns(order: str, decided: int | None) -> None:
    assert evidence(calls(order)).decided == decided


@pytest.mark.parametrize(("order", "decided"), [("ABA", None), ("ABAB", 3), ("AABBAB", 5), ("ABaB", None)])
def test_second_installations_must_be_suspected_when_both_have_come_back(order: str, decided: int | None) -> None:
    assert evidence(calls(order, instances={"B": uuid.uuid4()})).decided == decided
