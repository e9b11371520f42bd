"""Documents without an end: their key stays in the public set as long as one of them is needed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from audit.actors import COMMAND
from conftest import Clock
from licensing.documents import SignedDocument, keep_key_listed, release_key, sign_document
from licensing.models import SigningKey
from licensing.private_keys import signer
from licensing.services import activate_signing_key, create_signing_key, retire_signing_key
from licensing.tests import verifier

pytestmark = pytest.mark.django_db

TYP = "portcullis-document+jwt"
LONG_AFTER_ALL_LEASES = timedelta(days=400)


@pytest.fixture
def first(clock: Clock) -> SigningKey:
    return create_signing_key(by=COMMAND, at=clock.at)


def sign(clock: Clock, **claims: Any) -> SignedDocument:
    document = sign_document(TYP, claims, at=clock.at)
    assert document is not None
    return document


def rotate(clock: Clock) -> SigningKey:
    """Another key signs."""
    key = create_signing_key(by=COMMAND, at=clock.at)
    clock.move(days=8)
    return activate_signing_key(key.kid, by=COMMAND, at=clock.at)


def listed() -> dict[str, str]:
    return {key["kid"]: key["x"] for key in Client().get("/.well-known/jwks.json").json()["keys"]}


def test_a_document_is_read_with_the_public_set(first: SigningKey, clock: Clock) -> None:
    document = sign(clock, product="till")
    claims = verifier.read(document.jws, TYP, listed())
    assert claims == {"iss": "portcullis", "iat": int(clock.at.timestamp()), "product": "till"}
    assert document.kid == first.kid


def test_the_key_of_a_document_stays_in_the_set_after_its_leases_have_ended(first: SigningKey, clock: Clock) -> None:
    document = sign(clock)
    rotate(clock)
    clock.at += LONG_AFTER_ALL_LEASES
    assert verifier.read(document.jws, TYP, listed())


def test_the_key_without_a_document_leaves_it(first: SigningKey, clock: Clock) -> None:
    second = rotate(clock)
    clock.at += LONG_AFTER_ALL_LEASES
    assert set(listed()) == {second.kid}


def test_a_key_that_no_document_needs_any_more_leaves_it_too(first: SigningKey, clock: Clock) -> None:
    sign(clock)
    second = rotate(clock)
    clock.at += LONG_AFTER_ALL_LEASES
    release_key(first.kid, is_needed=lambda: True)
    assert set(listed()) == {first.kid, second.kid}
    release_key(first.kid, is_needed=lambda: False)
    assert set(listed()) == {second.kid}


def test_a_leaked_key_leaves_it_whatever_it_signed(first: SigningKey, clock: Clock) -> None:
    document = sign(clock)
    rotate(clock)
    retire_signing_key(first.kid, by=COMMAND, at=clock.at, now=True)
    with pytest.raises(ValueError, match="not a portcullis-document"):
        verifier.read(document.jws, TYP, listed())
    assert not keep_key_listed(first.kid, at=clock.at)


def test_a_key_that_leaks_while_it_signs_leaves_it_too(first: SigningKey, clock: Clock) -> None:
    sign(clock)
    second = create_signing_key(by=COMMAND, at=clock.at)
    retire_signing_key(first.kid, by=COMMAND, at=clock.at, now=True)
    assert set(listed()) == {second.kid}


def test_a_leak_that_is_noticed_when_only_documents_keep_the_key(first: SigningKey, clock: Clock) -> None:
    sign(clock)
    second = rotate(clock)
    clock.at += LONG_AFTER_ALL_LEASES
    ended = SigningKey.objects.get(pk=first.kid).listed_until
    retire_signing_key(first.kid, by=COMMAND, at=clock.at, now=True)
    assert set(listed()) == {second.kid}
    assert SigningKey.objects.get(pk=first.kid).listed_until == ended


def test_a_document_that_is_valid_again_keeps_a_key_that_is_still_listed(first: SigningKey, clock: Clock) -> None:
    sign(clock)
    rotate(clock)
    release_key(first.kid, is_needed=lambda: False)
    assert keep_key_listed(first.kid, at=clock.at)
    clock.at += LONG_AFTER_ALL_LEASES
    assert first.kid in listed()
    release_key(first.kid, is_needed=lambda: False)
    assert not keep_key_listed(first.kid, at=clock.at)


def test_without_a_key_there_is_no_document(db: None, clock: Clock) -> None:
    assert sign_document(TYP, {}, at=clock.at) is None


def test_without_its_private_half_there_is_none_either(first: SigningKey, clock: Clock, settings: Any) -> None:
    settings.LEASE_KEY_SECRETS = ["another secret than the one under which it was sealed"]
    signer.cache_clear()
    assert sign_document(TYP, {}, at=clock.at) is None
    assert not SigningKey.objects.get().stays_listed


def test_a_published_key_has_signed_nothing(first: SigningKey, clock: Clock) -> None:
    second = create_signing_key(by=COMMAND, at=clock.at)
    with pytest.raises(IntegrityError, match="signingkey_published_signed_nothing"), transaction.atomic():
        SigningKey.objects.filter(pk=second.pk).update(stays_listed=True)
