"""Two at once: there is always one signing key, and never a second one."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.tests.side_by_side import side_by_side
from audit.actors import COMMAND
from licensing.errors import NoSuccessor, SigningKeyRetired, SigningKeyUnavailable
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import activate_signing_key, create_signing_key, retire_signing_key
from licensing.tests import verifier

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs real row locks"),
    pytest.mark.usefixtures("transactional_db"),
]
ROUNDS = 8


def create() -> SigningKey:
    return create_signing_key(by=COMMAND, at=timezone.now())


def activate(kid: str) -> Callable[[], object]:
    return lambda: activate_signing_key(kid, by=COMMAND, at=timezone.now(), now=True)


def retire(kid: str) -> Callable[[], object]:
    return lambda: retire_signing_key(kid, by=COMMAND, at=timezone.now(), now=True)


def at_once(*changes: Callable[[], object]) -> None:
    """Each in a thread and a connection of its own; one may be refused because of another."""

    def run(change: Callable[[], object]) -> object:
        try:
            return change()
        except (SigningKeyRetired, NoSuccessor) as refusal:
            return refusal

    side_by_side(*(partial(run, change) for change in changes))


def the_chain_is_whole() -> None:
    """One key signs, and whoever trusts the first key gets to it and to all published ones."""
    assert SigningKey.objects.signing().count() == 1
    trusted: dict[str, str] = {}
    for key in SigningKey.objects.in_chain().oldest_first():
        if key.endorsement:
            verifier.read(key.endorsement, "portcullis-key+jwt", trusted)
        trusted[key.kid] = key.x


def test_of_two_first_keys_one_signs_and_the_other_one_is_published() -> None:
    at_once(create, create)
    assert sorted(SigningKey.objects.values_list("state", flat=True)) == ["published", "signing"]
    the_chain_is_whole()


def test_two_activations_follow_each_other() -> None:
    create()
    for _ in range(ROUNDS):
        kids = [create().kid, create().kid]
        at_once(*map(activate, kids))
        assert SigningKey.objects.signing().get().kid in kids
        the_chain_is_whole()


def test_a_key_that_is_made_during_an_activation_is_endorsed_by_one_that_signs() -> None:
    create()
    for _ in range(ROUNDS):
        kid = create().kid
        at_once(activate(kid), create)
        assert set(SigningKey.objects.published().values_list("endorsed_by", flat=True)) == {kid}
        the_chain_is_whole()


def test_two_who_retire_the_signing_key_and_its_successor_leave_one() -> None:
    create()
    for _ in range(ROUNDS):
        successor = create().kid
        signing = SigningKey.objects.signing().get().kid
        at_once(retire(signing), retire(successor), create)
        the_chain_is_whole()


def test_the_former_key_of_an_activation_is_not_retired_twice() -> None:
    first = create().kid
    second = create().kid
    at_once(activate(second), retire(first), activate(second))
    assert SigningKey.objects.signing().get().kid == second
    the_chain_is_whole()


def test_a_process_with_longer_leases_that_finds_a_key_while_it_is_retired_signs_nothing_with_it(settings: Any) -> None:
    """It records how long its leases are, waits for the row, and finds the key retired."""
    leaving = create().kid
    create()
    signer.cache_clear()
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            retire(leaving)()
            settings.LEASE_SECONDS *= 2
            first_use = threads.submit(signer, leaving)
            time.sleep(0.5)
            assert not first_use.done(), "it waits for the row"
        with pytest.raises(SigningKeyUnavailable, match="is retired"):
            first_use.result(10)
        threads.submit(lambda: connection.close()).result(10)
