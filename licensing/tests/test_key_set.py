"""The public set of keys at /.well-known/jwks.json."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.actors import COMMAND
from conftest import Clock
from licensing.services import activate_signing_key, create_signing_key, retire_signing_key
from licensing.tests import verifier

PATH = "/.well-known/jwks.json"

pytestmark = pytest.mark.django_db


def key_set() -> Any:
    return Client().get(PATH).json()


def test_without_a_key_the_set_is_empty() -> None:
    assert key_set() == {"keys": [], "endorsements": []}


def test_it_is_public_cacheable_and_has_its_media_type(clock: Clock) -> None:
    create_signing_key(by=COMMAND, at=clock())
    answer = Client().get(PATH)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jwk-set+json")
    assert answer["Cache-Control"] == "public, max-age=3600"
    assert "Vary" not in answer
    assert not answer.cookies
    head = Client().head(PATH)
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", answer["ETag"])
    same = Client().get(PATH, headers={"If-None-Match": f'"other", W/{answer["ETag"]}'})
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", answer["ETag"])
    create_signing_key(by=COMMAND, at=clock())
    changed = Client().get(PATH, headers={"If-None-Match": answer["ETag"]})
    assert (changed.status_code, changed["ETag"] != answer["ETag"]) == (200, True)


def test_each_key_has_exactly_the_promised_members(clock: Clock) -> None:
    first, second = (create_signing_key(by=COMMAND, at=clock()) for _ in range(2))
    common = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    one, two = key_set()["keys"]
    assert one == {**common, "x": first.x, "kid": verifier.kid_of(first.x), "state": "signing"}
    endorsement = two.pop("endorsement")
    assert two == {**common, "x": second.x, "kid": verifier.kid_of(second.x), "state": "published"}
    assert verifier.read(endorsement, "portcullis-key+jwt", {first.kid: first.x}) == {
        "iss": "portcullis",
        "iat": int(clock().timestamp()),
        "sub": second.kid,
        "jwk": {"kty": "OKP", "crv": "Ed25519", "x": second.x},
    }
    assert key_set()["endorsements"] == [endorsement]


def test_a_retired_key_leaves_the_set_an_hour_after_its_last_lease_ends(clock: Clock) -> None:
    first, second = (create_signing_key(by=COMMAND, at=clock()) for _ in range(2))
    activate_signing_key(second.kid, by=COMMAND, at=clock.move(days=7))
    clock.move(days=30, hours=1, seconds=-1)
    assert [(key["kid"], key["state"]) for key in key_set()["keys"]] == [
        (first.kid, "retired"),
        (second.kid, "signing"),
    ]
    clock.move(seconds=1)
    assert [key["kid"] for key in key_set()["keys"]] == [second.kid]


def test_a_key_that_was_withdrawn_is_neither_listed_nor_endorsed(clock: Clock) -> None:
    create_signing_key(by=COMMAND, at=clock())
    withdrawn = create_signing_key(by=COMMAND, at=clock())
    retire_signing_key(withdrawn.kid, by=COMMAND, at=clock())
    assert len(key_set()["keys"]) == 1
    assert key_set()["endorsements"] == []


def test_no_private_half_is_in_it_and_it_costs_one_query_whatever_the_number_of_keys(clock: Clock) -> None:
    for _ in range(6):
        create_signing_key(by=COMMAND, at=clock())
    with CaptureQueriesContext(connection) as queries:
        answer = Client().get(PATH)
    assert len(queries) == 1
    assert "sealed_private" not in queries[0]["sql"]
    assert not [key for key in answer.json()["keys"] if "d" in key]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_nothing_can_be_sent_to_it(method: str) -> None:
    assert getattr(Client(), method)(PATH).status_code == 405
