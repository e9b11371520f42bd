"""The database has the last word: each rule of a signing key, broken behind the services' back."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from audit.actors import COMMAND
from licensing.models import SigningKey
from licensing.services import create_signing_key

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
SQLITE_WORDS = {
    "signingkey_one_signing": "UNIQUE constraint failed: licensing_signingkey.state",
    "signingkey_position_unique": "UNIQUE constraint failed: licensing_signingkey.position",
}


@pytest.fixture
def first() -> SigningKey:
    return create_signing_key(by=COMMAND, at=AT)


@pytest.fixture
def second(first: SigningKey) -> SigningKey:
    return create_signing_key(by=COMMAND, at=AT)


def refuses(operate: Callable[[], object], constraint: str) -> None:
    """The database refuses it, and for that reason: a savepoint keeps the test's transaction usable."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        operate()
    expected = SQLITE_WORDS.get(constraint, constraint) if connection.vendor == "sqlite" else constraint
    assert expected in str(refusal.value)


def change(key: SigningKey, **values: Any) -> Callable[[], object]:
    return lambda: SigningKey.objects.filter(pk=key.pk).update(**values)


def test_two_keys_never_sign(second: SigningKey) -> None:
    refuses(change(second, state="signing", activated_at=AT), "signingkey_one_signing")


def test_a_state_is_one_of_three(second: SigningKey) -> None:
    # SQLite names the first rule that is broken.
    with pytest.raises(IntegrityError, match="signingkey_"), transaction.atomic():
        change(second, state="lost")()


def test_two_keys_have_no_common_place_in_the_chain(second: SigningKey) -> None:
    third = create_signing_key(by=COMMAND, at=AT)
    refuses(change(third, position=second.position), "signingkey_position_unique")


def test_only_the_first_key_has_no_endorsement(first: SigningKey, second: SigningKey) -> None:
    for missing in ("endorsement", "endorsed_by"):
        refuses(change(second, **{missing: None}), "signingkey_endorsed_unless_first")
    refuses(change(first, endorsement="x.y.z"), "signingkey_endorsed_unless_first")


def test_a_key_was_activated_if_and_only_if_it_signs_or_signed(first: SigningKey, second: SigningKey) -> None:
    refuses(change(second, activated_at=AT), "signingkey_activated_iff_it_signed")
    refuses(change(first, activated_at=None), "signingkey_activated_iff_it_signed")


def test_a_retired_key_has_an_end_and_no_other_key_has_one(second: SigningKey) -> None:
    for missing in ("retired_at", "listed_until"):
        ended = {"retired_at": AT, "listed_until": AT, missing: None}
        refuses(change(second, state="retired", sealed_private=None, **ended), "signingkey_retired_iff_ended")
        refuses(change(second, **ended), "signingkey_retired_iff_ended")


def test_a_retired_key_has_no_private_half(second: SigningKey) -> None:
    retired = change(second, state="retired", retired_at=AT, listed_until=AT)
    refuses(retired, "signingkey_retired_without_private")


def test_ids_and_public_halves_have_43_characters(second: SigningKey) -> None:
    refuses(change(second, x="A" * 42), "signingkey_lengths")
    refuses(change(second, kid="A" * 42), "signingkey_lengths")


def test_a_key_that_endorsed_another_is_not_deleted(first: SigningKey, second: SigningKey) -> None:
    with pytest.raises(ProtectedError):
        first.delete()
