"""Fifty sites over two years of rotations, of which ten are off through two of them: all verify afterwards."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from django.test import Client

from audit.actors import COMMAND
from conftest import Clock
from licensing.leases import lease_for
from licensing.models import SigningKey
from licensing.services import activate_signing_key, create_signing_key, retire_signing_key
from licensing.tests.test_key_set import PATH
from licensing.tests.test_leases import FACTS
from licensing.tests.verifier import Verifier, read

pytestmark = pytest.mark.django_db

SITES, SLEEPERS = 50, 10


def key_set() -> Any:
    return Client().get(PATH).json()


def newest_lease(clock: Clock) -> str:
    return lease_for(SigningKey.objects.signing().get().kid, **{**FACTS, "at": clock()})


def rotate(clock: Clock, sites: list[Verifier]) -> None:
    """A new key, seven days in which each site fetches the set once, and the activation."""
    key = create_signing_key(by=COMMAND, at=clock())
    for day in range(7):
        clock.move(days=1)
        for site in sites[day::7]:
            site.fetch(key_set())
    activate_signing_key(key.kid, by=COMMAND, at=clock())


@pytest.mark.parametrize("pause", [timedelta(), timedelta(days=29), timedelta(days=365)])
def test_sites_that_sleep_through_two_rotations_verify_afterwards(clock: Clock, pause: timedelta) -> None:
    first = create_signing_key(by=COMMAND, at=clock())
    sites = [Verifier(first.kid, first.x) for _ in range(SITES)]
    awake = sites[SLEEPERS:]
    for _ in range(2):
        rotate(clock, awake)
        for site in awake:  # without another look at the set: it was published for seven days
            assert site.read(newest_lease(clock))
        clock.at += pause
    lease, asleep = newest_lease(clock), sites[:SLEEPERS]
    for site in asleep:
        with pytest.raises(ValueError, match="known key"):
            site.read(lease)
        site.fetch(key_set())
    assert [site.read(lease)["sub"] for site in sites] == [str(FACTS["site_id"])] * SITES


def test_whoever_pinned_any_key_reaches_every_later_one(clock: Clock) -> None:
    pinned = []
    create_signing_key(by=COMMAND, at=clock())
    for _ in range(5):
        key = SigningKey.objects.signing().get()
        pinned.append(Verifier(key.kid, key.x))
        rotate(clock, [])
        clock.move(days=60)
    assert len(key_set()["keys"]) == 1
    for site in pinned:
        site.fetch(key_set())
        assert site.read(newest_lease(clock))


def test_a_walk_by_the_endorsements_of_the_listed_keys_alone_works_for_thirty_days(clock: Clock) -> None:
    first = create_signing_key(by=COMMAND, at=clock())
    for _ in range(2):
        rotate(clock, [])
    clock.move(days=30, seconds=-1)
    trusted = {first.kid: first.x}
    for key in key_set()["keys"]:
        if "endorsement" in key and key["kid"] not in trusted:
            trusted[key["kid"]] = read(key["endorsement"], "portcullis-key+jwt", trusted)["jwk"]["x"]
    assert read(newest_lease(clock), "portcullis-lease+jwt", trusted)


def test_after_a_leak_a_site_that_knows_the_next_key_goes_on_and_refuses_the_leaked_one(clock: Clock) -> None:
    leaked = create_signing_key(by=COMMAND, at=clock())
    site = Verifier(leaked.kid, leaked.x)
    create_signing_key(by=COMMAND, at=clock())
    site.fetch(key_set())
    forged = newest_lease(clock)  # as the thief signs them from now on
    retire_signing_key(leaked.kid, by=COMMAND, at=clock.move(hours=1), now=True)
    assert site.read(newest_lease(clock)), "without another look at the set"
    site.fetch(key_set())
    with pytest.raises(ValueError, match="known key"):
        site.read(forged)
    assert leaked.kid not in site.trusted


def test_a_signature_by_a_later_key_is_no_signature_of_an_earlier_one(clock: Clock) -> None:
    first = create_signing_key(by=COMMAND, at=clock())
    rotate(clock, [])
    head, body, signature = newest_lease(clock).split(".")
    with pytest.raises(InvalidSignature):
        read(f"{head}.{body}.{signature}", "portcullis-lease+jwt", {SigningKey.objects.signing().get().kid: first.x})
