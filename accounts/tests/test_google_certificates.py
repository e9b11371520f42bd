"""Google's keys: how long they are used, when they are asked for again, and what happens while Google is away."""

import json
import threading
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from accounts.errors import GoogleUnavailable, InvalidCredentials
from accounts.google import certificates as module
from accounts.google.certificates import certificates
from accounts.tests.fake_google import FakeGoogle


class Monotonic:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def outcome(key_id: str) -> str:
    """`found`, or the code of the error."""
    try:
        return "found" if certificates.find(key_id).key_id == key_id else "another key"
    except (InvalidCredentials, GoogleUnavailable) as error:
        return error.code


def test_keys_are_asked_for_once_in_the_lifetime_of_the_answer(google: FakeGoogle, time: Monotonic) -> None:
    assert [outcome("first") for _ in range(3)] == ["found"] * 3
    time.seconds += 3_599
    assert (outcome("first"), google.certificate_requests) == ("found", 1)
    time.seconds += 1
    assert (outcome("first"), google.certificate_requests) == ("found", 2)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=120", 120),
        ("public, MAX-AGE=120, must-revalidate", 120),
        (None, 300),
        ("no-store", 0),
        ("no-cache, max-age=120", 0),
        ("max-age=0", 0),
        ("max-age=999999999", 86_400),
        ("max-age=soon", 300),
    ],
)
def test_the_lifetime_is_that_of_the_header(header: str | None, seconds: float) -> None:
    assert module.lifetime({} if header is None else {"Cache-Control": header}) == seconds


def test_time_in_other_caches_counts() -> None:
    assert module.lifetime({"Cache-Control": "max-age=120", "Age": "100"}) == 20
    assert module.lifetime({"Cache-Control": "max-age=120", "Age": "500"}) == 0


def test_a_new_key_is_asked_for_at_once(google: FakeGoogle, time: Monotonic) -> None:
    assert outcome("first") == "found"
    google.rotate("second", "first")
    assert (outcome("second"), google.certificate_requests) == ("found", 2)


def test_unknown_keys_are_asked_for_once_a_minute(google: FakeGoogle, time: Monotonic) -> None:
    assert {outcome(f"guess {number}") for number in range(20)} == {"invalid_credentials"}
    assert google.certificate_requests == 2
    google.rotate("second")
    time.seconds += 59
    assert outcome("second") == "invalid_credentials"
    time.seconds += 1
    assert (outcome("second"), google.certificate_requests) == ("found", 3)


def test_a_key_that_google_has_withdrawn_is_not_used_after_the_next_answer(google: FakeGoogle, time: Monotonic) -> None:
    assert outcome("first") == "found"
    google.rotate("second")
    time.seconds += 3_600
    assert outcome("first") == "invalid_credentials"


def test_an_outage_does_not_stop_those_whose_key_is_cached(google: FakeGoogle, time: Monotonic) -> None:
    assert outcome("first") == "found"
    google.is_away = True
    time.seconds += 7 * 86_400
    assert outcome("first") == "found"
    # Whether it is Google's cannot be known now.
    assert outcome("second") == "google_unavailable"
    google.is_away = False
    google.rotate("second")
    assert outcome("second") == "google_unavailable"  # not asked again at once
    time.seconds += 10
    assert outcome("second") == "found"


def test_keys_are_not_kept_without_end(google: FakeGoogle, time: Monotonic) -> None:
    assert outcome("first") == "found"
    google.is_away = True
    time.seconds += 3_600 + 7 * 86_400
    assert outcome("first") == "google_unavailable"


def test_without_any_key_google_is_asked_again_after_a_pause(google: FakeGoogle, time: Monotonic) -> None:
    google.is_away = True
    assert outcome("first") == "google_unavailable"
    google.is_away = False
    assert (outcome("first"), google.certificate_requests) == ("google_unavailable", 0)
    time.seconds += 10
    assert outcome("first") == "found"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": 5}',
        b'{"keys": [5, {"kty": "RSA"}, {"kty": "RSA", "kid": "first", "n": "AQAB", "e": "AQAB"}]}',
        b'{"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}]}',
        b"[" * 100_000,
        b'{"keys": [], "more": "' + b"x" * 300_000 + b'"}',
    ],
    ids=["empty", "html", "list", "no keys", "number", "weak keys", "symmetric", "deep", "large"],
)
def test_an_answer_without_keys_is_an_outage_and_replaces_nothing(
    google: FakeGoogle, time: Monotonic, body: bytes
) -> None:
    google.certificate_body = body
    assert outcome("first") == "google_unavailable"
    google.certificate_body = None
    time.seconds += 10
    assert outcome("first") == "found"
    google.certificate_body = body
    time.seconds += 3_600
    assert outcome("first") == "found"


def test_only_strong_rsa_keys_for_signatures_are_taken(google: FakeGoogle) -> None:
    good = json.loads(google.certificates())["keys"][0]
    weak = rsa.generate_private_key(65537, 1024).public_key()
    others = [
        {**RSAAlgorithm.to_jwk(weak, as_dict=True), "kid": "weak"},
        {**ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True), "kid": "elliptic"},
        {**good, "kid": "for encryption", "use": "enc"},
        {**good, "kid": 5},
        {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"},
    ]
    assert list(module.read_keys({"keys": [*others, good]})) == ["first"]


def test_one_thread_asks_and_the_others_use_what_it_found(google: FakeGoogle) -> None:
    google.certificate_seconds = 0.3
    outcomes: list[str] = []
    threads = [threading.Thread(target=lambda: outcomes.append(outcome("first"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes, google.certificate_requests) == (["found"] * 8, 1)


def test_those_with_a_cached_key_do_not_wait_for_the_answer(google: FakeGoogle, time: Monotonic) -> None:
    assert outcome("first") == "found"
    time.seconds += 3_600
    google.certificate_seconds = 1.0
    slow = threading.Thread(target=outcome, args=("first",))
    slow.start()
    while not certificates.lock.locked():
        pass
    assert outcome("first") == "found"
    assert slow.is_alive()
    slow.join()


def test_a_server_that_hangs_is_an_outage(google: FakeGoogle, monkeypatch: Any) -> None:
    monkeypatch.setattr("accounts.google.answers.SECONDS_PER_READ", 0.1)
    google.certificate_seconds = 0.5
    assert outcome("first") == "google_unavailable"
