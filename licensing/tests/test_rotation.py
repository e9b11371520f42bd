"""The life of a signing key: created, published, activated, retired."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit.actors import COMMAND
from audit.models import Event
from common.instants import format_instant
from conftest import Clock
from licensing.errors import NoSuccessor, SigningKeyNotFound, SigningKeyRetired, SigningKeyUnavailable, SigningKeyWaits
from licensing.leases import lease_for
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import activate_signing_key, create_signing_key, retire_signing_key
from licensing.tests import verifier
from licensing.tests.test_leases import FACTS

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)
Create = Callable[[], SigningKey]


@pytest.fixture
def create(clock: Clock) -> Create:
    return lambda: create_signing_key(by=COMMAND, at=clock())


def states() -> list[str]:
    return list(SigningKey.objects.oldest_first().values_list("state", flat=True))


def history() -> list[tuple[str, str]]:
    """(action, key), oldest first."""
    return [(event.short_action, event.subject_id) for event in Event.objects.order_by("sequence")]


def activate(key: SigningKey, clock: Clock, **options: Any) -> SigningKey:
    return activate_signing_key(key.kid, by=COMMAND, at=clock(), **options)


def retire(key: SigningKey, clock: Clock, **options: Any) -> SigningKey:
    return retire_signing_key(key.kid, by=COMMAND, at=clock(), **options)


def test_the_first_key_signs_at_once_and_has_no_endorsement(create: Create) -> None:
    key = create()
    assert (key.state, key.endorsement, key.endorsed_by) == ("signing", None, None)
    assert history() == [("created", key.kid)]


def test_a_further_key_is_published(create: Create) -> None:
    first, second = create(), create()
    assert states() == ["signing", "published"]
    assert second.endorsed_by == first
    assert history() == [("created", first.kid), ("created", second.kid)]


def test_if_none_makes_no_second_key(create: Create, clock: Clock) -> None:
    first = create()
    assert create_signing_key(by=COMMAND, at=clock(), unless_there_is_one=True) == first
    assert (states(), len(history())) == (["signing"], 1)


def test_a_key_may_sign_after_seven_days_to_the_second(create: Create, clock: Clock) -> None:
    create()
    second = create()
    clock.at = second.created_at + WEEK - SECOND
    with pytest.raises(SigningKeyWaits, match="2026-06-08T12:00:00Z"):
        activate(second, clock)
    assert states() == ["signing", "published"]
    clock.at += SECOND
    activate(second, clock)
    assert states() == ["retired", "signing"]


def test_now_skips_the_wait(create: Create, clock: Clock) -> None:
    first, second = create(), create()
    activate(second, clock, now=True)
    assert states() == ["retired", "signing"]
    assert history()[2:] == [("retired", first.kid), ("activated", second.kid)]


def test_with_the_activation_the_former_private_half_is_gone(create: Create, clock: Clock) -> None:
    first, second = create(), create()
    lease_for(first.kid, **FACTS)
    activate(second, clock, now=True)
    first.refresh_from_db()
    assert first.sealed_private is None
    assert first.listed_until == clock() + timedelta(days=30, hours=1)
    lease_for(second.kid, **FACTS)
    with pytest.raises(SigningKeyUnavailable, match="is retired"):  # this process has forgotten it too
        lease_for(first.kid, **FACTS)


def test_to_activate_the_signing_key_changes_nothing_and_a_retired_one_is_refused(create: Create, clock: Clock) -> None:
    first, second = create(), create()
    activate(second, clock, now=True)
    before = history()
    assert activate(second, clock).state == "signing"
    with pytest.raises(SigningKeyRetired):
        activate(first, clock, now=True)
    assert (states(), history()) == (["retired", "signing"], before)


def test_an_unknown_key_is_neither_activated_nor_retired(create: Create, clock: Clock) -> None:
    create()
    for change in (activate_signing_key, retire_signing_key):
        with pytest.raises(SigningKeyNotFound):
            change("A" * 43, by=COMMAND, at=clock())


def test_the_only_key_cannot_be_retired(create: Create, clock: Clock) -> None:
    only = create()
    for now in (False, True):
        with pytest.raises(NoSuccessor, match="create one first"):
            retire(only, clock, now=now)
    assert states() == ["signing"]


def test_in_place_of_a_retired_signing_key_the_oldest_published_one_signs(create: Create, clock: Clock) -> None:
    first, second, third = create(), create(), create()
    clock.at += WEEK - SECOND
    with pytest.raises(NoSuccessor, match="may sign from 2026-06-08T12:00:00Z on"):
        retire(first, clock)
    clock.at += SECOND
    assert retire(first, clock).listed_until == clock() + timedelta(days=30, hours=1)
    assert SigningKey.objects.signing().get() == second
    assert third.kid == SigningKey.objects.published().get().kid


def test_a_leaked_signing_key_leaves_the_set_at_once(create: Create, clock: Clock) -> None:
    leaked, second = create(), create()
    assert retire(leaked, clock, now=True).listed_until == clock()
    assert SigningKey.objects.signing().get() == second
    assert set(SigningKey.objects.listed(at=clock())) == {second}


def test_a_leak_that_is_noticed_after_the_rotation_takes_the_key_out_too(create: Create, clock: Clock) -> None:
    leaked, second = create(), create()
    activate(second, clock, now=True)
    before = format_instant(clock() + timedelta(days=30, hours=1))
    clock.move(days=1)
    assert retire(leaked, clock).listed_until == clock() + timedelta(days=29, hours=1), "without --now nothing changes"
    assert retire(leaked, clock, now=True).listed_until == clock()
    event = Event.objects.newest_first()[0]
    assert (event.action, event.changes) == ("signing_key.retired", {"listed_until": [before, format_instant(clock())]})
    number = Event.objects.count()
    retire(leaked, clock, now=True)
    assert Event.objects.count() == number, "a second time changes nothing"


def test_a_published_key_can_be_withdrawn(create: Create, clock: Clock) -> None:
    create()
    second = create()
    assert retire(second, clock).listed_until == clock()
    second.refresh_from_db()
    assert (states(), second.sealed_private, second.activated_at) == (["signing", "retired"], None, None)


def test_keys_that_stay_published_are_endorsed_by_the_new_signing_key(create: Create, clock: Clock) -> None:
    """Whatever the order of the activations, each key is endorsed by the one before it."""
    first, second, third = create(), create(), create()
    activate(third, clock, now=True)
    chain = list(SigningKey.objects.oldest_first())
    assert [(key.kid, key.endorsed_by_id) for key in chain] == [
        (first.kid, None),
        (third.kid, first.kid),
        (second.kid, third.kid),
    ]
    claims = verifier.read(chain[2].endorsement or "", "portcullis-key+jwt", {third.kid: third.x})
    assert claims["sub"] == second.kid
    activate(second, clock, now=True)
    assert states() == ["retired", "retired", "signing"]


def test_the_events_say_what_changed(create: Create, clock: Clock) -> None:
    first, second = create(), create()
    activate(second, clock, now=True)
    until = format_instant(clock() + timedelta(days=30, hours=1))
    assert list(
        Event.objects.order_by("sequence").values_list("subject_type", "subject_name", "source", "changes")
    ) == [
        ("signing_key", first.kid, "command", {"state": [None, "signing"], "endorsed_by": [None, None]}),
        ("signing_key", second.kid, "command", {"state": [None, "published"], "endorsed_by": [None, first.kid]}),
        ("signing_key", first.kid, "command", {"state": ["signing", "retired"], "listed_until": [None, until]}),
        ("signing_key", second.kid, "command", {"state": ["published", "signing"]}),
    ]


def test_a_key_that_cannot_be_opened_is_not_activated(create: Create, clock: Clock, settings: Any) -> None:
    """Otherwise the former key would be gone, and no lease could be signed any more."""
    create()
    second = create()
    signer.cache_clear()
    settings.LEASE_KEY_SECRETS = ["another secret, which is long enough"]
    with pytest.raises(SigningKeyUnavailable, match="has LEASE_KEY_SECRET"):
        activate(second, clock, now=True)
    assert states() == ["signing", "published"]


def test_a_key_stays_in_the_set_as_long_as_the_longest_lease_that_it_signed(
    create: Create, clock: Clock, settings: Any
) -> None:
    """Also when the machine that retires it has never had the longer life."""
    settings.LEASE_SECONDS = 60 * 86_400
    first, second = create(), create()
    lease_for(first.kid, **FACTS)
    settings.LEASE_SECONDS = 10 * 86_400
    signer.cache_clear()
    lease_for(first.kid, **FACTS)
    activate(second, clock, now=True)
    first.refresh_from_db()
    assert first.listed_until == clock() + timedelta(days=60, hours=1)
    assert first in SigningKey.objects.listed(at=clock() + timedelta(days=60))


def test_a_key_that_never_signed_with_a_longer_life_is_not_kept_for_it(
    create: Create, clock: Clock, settings: Any
) -> None:
    settings.LEASE_SECONDS = 10 * 86_400
    first, second = create(), create()
    lease_for(first.kid, **FACTS)
    activate(second, clock, now=True)
    first.refresh_from_db()
    assert first.listed_until == clock() + timedelta(days=10, hours=1)


def test_a_process_that_comes_to_a_retired_key_signs_nothing_with_it(
    create: Create, clock: Clock, settings: Any
) -> None:
    first, second = create(), create()
    activate(second, clock, now=True)
    settings.LEASE_SECONDS = 60 * 86_400
    signer.cache_clear()
    with pytest.raises(SigningKeyUnavailable, match="is retired"):
        lease_for(first.kid, **FACTS)
