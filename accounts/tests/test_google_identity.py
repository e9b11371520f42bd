"""Which ID tokens are accepted. Each forgery differs from the accepted token in one thing only."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from accounts.errors import GoogleSignInOff, InvalidCredentials
from accounts.google.identity import GoogleIdentity, read_id_token
from accounts.tests.fake_google import OTHER_CLIENT_ID, FakeGoogle, Person, private_key
from accounts.tests.tokens import encoded


def read(token: str, **more: Any) -> GoogleIdentity:
    return read_id_token(token, at=timezone.now(), **more)


def is_refused(token: str, **more: Any) -> bool:
    try:
        read(token, **more)
    except InvalidCredentials:
        return True
    return False


def test_a_token_of_google_says_who_somebody_is(google: FakeGoogle) -> None:
    assert read(google.id_token()) == GoogleIdentity("108176814619778619437", "anna@vendor.example", "Anna Example")


def test_each_of_our_clients_and_both_names_of_the_issuer_are_accepted(google: FakeGoogle) -> None:
    assert read(google.id_token(aud=OTHER_CLIENT_ID, iss="accounts.google.com", name=None)).name == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "somebody-else.apps.googleusercontent.com"},
        {"aud": None},
        {"aud": []},
        {"aud": ["portcullis-panel.apps.googleusercontent.com", "somebody-else.apps.googleusercontent.com"]},
        {"iss": "https://accounts.google.com.evil.example"},
        {"iss": "https://login.evil.example"},
        {"iss": None},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": "4102444800"},
        {"exp": True},
        {"exp": float("inf")},
        {"iat": 4_102_444_800, "exp": 4_102_448_400},
        {"iat": None},
        {"nbf": 4_102_444_800},
        {"nbf": "soon"},
        {"auth_time": "now"},
        {"auth_time": True},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": ""},
        {"email": "not an address"},
        {"email": f"{'x' * 250}@vendor.example"},
        {"sub": None},
        {"sub": ""},
        {"sub": 108176814619778619437},
        {"sub": "1" * 256},
        {"sub": "1\x002"},
    ],
    ids=str,
)
def test_one_wrong_claim_is_enough_to_refuse(google: FakeGoogle, changed: dict[str, Any]) -> None:
    assert not is_refused(google.id_token())
    assert is_refused(google.id_token(**changed))


def test_it_expires_at_its_second(google: FakeGoogle, clock: Any) -> None:
    token = google.id_token()
    clock.move(seconds=3_599)
    assert not is_refused(token)
    clock.move(seconds=1)
    assert is_refused(token)


def test_googles_clock_may_be_half_a_minute_ahead(google: FakeGoogle, clock: Any) -> None:
    now = int(clock.at.timestamp())
    assert not is_refused(google.id_token(iat=now + 30))
    assert is_refused(google.id_token(iat=now + 31))


def test_a_token_of_another_domain_is_refused_if_one_is_set(google: FakeGoogle, settings: Any) -> None:
    settings.GOOGLE_HOSTED_DOMAIN = "vendor.example"
    assert not is_refused(google.id_token(hd="vendor.example"))
    assert is_refused(google.id_token(hd="evil.example"))
    # An address with that domain says nothing about the Workspace.
    assert is_refused(google.id_token())


def test_the_panels_nonce_must_be_in_the_token(google: FakeGoogle) -> None:
    assert not is_refused(google.id_token(nonce="of this request"), nonce="of this request")
    assert is_refused(google.id_token(nonce="of another request"), nonce="of this request")
    assert is_refused(google.id_token(), nonce="of this request")


def test_a_token_without_a_signature_is_refused(google: FakeGoogle) -> None:
    claims = google.person.claims() if google.person else {}
    for algorithm in ("none", "None", "NONE"):
        head = encoded(json.dumps({"alg": algorithm, "typ": "JWT", "kid": "first"}).encode())
        body = encoded(json.dumps(claims).encode())
        assert is_refused(f"{head}.{body}.")
    head, body, signature = google.id_token().split(".")
    assert is_refused(f"{head}.{body}.")
    assert is_refused(f"{head}.{body}.{signature[:-8]}AAAAAAAA")


def test_googles_public_key_is_no_secret_to_sign_with(google: FakeGoogle) -> None:
    """PyJWT refuses to sign in this way, so the token is put together by hand, with each form of the key."""
    public = private_key("first").public_key()
    forms = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        base64.urlsafe_b64decode(json.loads(google.certificates())["keys"][0]["n"] + "=="),
    ]
    for key in forms:
        message = ".".join(
            encoded(json.dumps(part).encode())
            for part in ({"alg": "HS256", "typ": "JWT", "kid": "first"}, Person().claims())
        )
        assert is_refused(f"{message}.{encoded(hmac.new(key, message.encode(), hashlib.sha256).digest())}")


def test_another_algorithm_of_the_right_key_is_refused(google: FakeGoogle) -> None:
    for algorithm in ("RS384", "PS256"):
        assert is_refused(jwt.encode(Person().claims(), private_key("first"), algorithm, headers={"kid": "first"}))


def test_a_token_of_a_strangers_key_is_refused(google: FakeGoogle) -> None:
    assert is_refused(jwt.encode(Person().claims(), private_key("stranger"), "RS256", headers={"kid": "first"}))
    assert is_refused(google.id_token(kid="stranger"))
    assert is_refused(jwt.encode(Person().claims(), private_key("first"), "RS256"))


def test_a_key_that_the_token_brings_along_is_not_used(google: FakeGoogle) -> None:
    key = jwt.algorithms.RSAAlgorithm.to_jwk(private_key("stranger").public_key(), as_dict=True)
    for header in ({"jwk": key}, {"jku": f"{google.url}/certs"}, {"x5u": f"{google.url}/certs"}):
        token = jwt.encode(Person().claims(), private_key("stranger"), "RS256", headers={"kid": "first", **header})
        assert is_refused(token)


@pytest.mark.parametrize(
    "rubbish", ["", "x", "a.b.c", "é.é.é", "....", "eyJhbGciOiJSUzI1NiJ9..", "x" * 9_000, "\ud800"], ids=ascii
)
def test_what_is_no_token_is_refused(google: FakeGoogle, rubbish: str) -> None:
    assert is_refused(rubbish)


def test_a_refusal_is_logged_without_the_token(google: FakeGoogle, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="portcullis.accounts")
    token = google.id_token(aud="somebody-else")
    assert is_refused(token)
    assert "refused a Google ID token: another audience" in caplog.text
    assert token.split(".")[1] not in caplog.text


def test_without_client_ids_there_is_no_sign_in_with_google(google: FakeGoogle, settings: Any) -> None:
    settings.GOOGLE_CLIENT_IDS = []
    with pytest.raises(GoogleSignInOff):
        read(google.id_token())
