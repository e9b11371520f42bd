"""The vectors: what they say is what the agent does, and they are what the script writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from portcullis_agent import KeyRefused, KeyRing, Lease, LeaseRefused, verify_lease
from portcullis_agent.keys import listed_kids, read_key

from .make_vectors import VECTORS, documents, encode
from .signing import SITE_ID, SigningKey

LEASES: list[dict[str, Any]] = json.loads((VECTORS / "leases.json").read_text())["leases"]
FORGERIES: list[dict[str, Any]] = json.loads((VECTORS / "forgeries.json").read_text())["leases"]
SETS: list[dict[str, Any]] = json.loads((VECTORS / "endorsements.json").read_text())["sets"]
VERIFIER = VECTORS.parent / "reference/check_vectors.mjs"


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing((read_key(SigningKey.named("first").jwk()),))


def verify(case: dict[str, Any], keys: KeyRing) -> Lease:
    held = None
    if case["held"] is not None:
        any_lease = verify_lease(LEASES[0]["token"], keys, site_id=SITE_ID)
        held = replace(any_lease, revision=case["held"]["revision"], issued_at=case["held"]["iat"])
    return verify_lease(case["token"], keys, site_id=SITE_ID, nonce=case["nonce"], held=held)


@pytest.mark.parametrize("case", LEASES, ids=named)
def test_a_good_lease_is_accepted(case: dict[str, Any], keys: KeyRing) -> None:
    assert verify(case, keys).token == case["token"]


@pytest.mark.parametrize("case", FORGERIES, ids=named)
def test_a_forged_lease_is_refused_for_its_reason(case: dict[str, Any], keys: KeyRing) -> None:
    with pytest.raises(LeaseRefused) as refused:
        verify(case, keys)
    assert refused.value.code == case["reason"]


@pytest.mark.parametrize("case", SETS, ids=named)
def test_a_key_set_adds_exactly_the_endorsed_keys(case: dict[str, Any]) -> None:
    ring = KeyRing((read_key(case["pinned"]),))
    assert sorted(ring.extend(case)) == sorted(case["trusted"])
    for jwk in case["keys"]:
        if jwk.get("kid") in case["refused"]:
            with pytest.raises(KeyRefused) as refused:
                ring.check_endorsement(read_key(jwk))
            assert refused.value.code == case["refused"][jwk["kid"]]


@pytest.mark.parametrize("case", [case for case in SETS if case["signer"]], ids=named)
def test_a_key_set_sets_exactly_the_named_keys_aside(case: dict[str, Any]) -> None:
    ring = KeyRing((read_key(case["pinned"]),))
    ring.extend(case)
    ring.set_aside_unlisted(listed_kids(case), case["signer"])
    assert list(ring.set_aside) == case["set_aside"]
    assert not any(kid in ring for kid in case["set_aside"])


def test_the_vectors_are_what_the_script_writes() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in VECTORS.glob("*.json")}
    assert written == {name: encode(document) for name, document in documents().items()}, (
        "Run python -m tests.make_vectors."
    )


def test_the_reference_verifier_in_javascript_agrees_with_every_vector() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not on this machine: the reference verifier was not run")
    done = subprocess.run([node, VERIFIER, VECTORS], capture_output=True, text=True, timeout=60, check=False)
    count = len(LEASES) + len(FORGERIES) + len(SETS)
    assert (done.returncode, done.stdout.strip()) == (0, f"{count} vectors hold"), done.stdout + done.stderr
