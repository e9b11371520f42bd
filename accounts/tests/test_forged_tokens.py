"""Forged tokens are refused by every endpoint."""

import time
import uuid
from collections.abc import Callable

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.tests.tokens import claims_of, encoded, is_unauthenticated, logout, me, pair, refresh, signed

pytestmark = [pytest.mark.usefixtures("anna"), pytest.mark.any_database]

PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"


def without(claims: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in claims.items() if name not in names}


FORGERIES: dict[str, Callable[[dict[str, object]], str]] = {
    "alg none": lambda claims: signed(claims, algorithm="none"),
    "alg None": lambda claims: signed(claims, algorithm="None"),
    "alg none with a signature": lambda claims: signed(claims, algorithm="none") + encoded(b"x" * 32),
    "another secret": lambda claims: signed(claims, key="another secret, as long as one of ours would be"),
    "an empty secret": lambda claims: signed(claims, key=""),
    "the SECRET_KEY": lambda claims: signed(claims, key=settings.SECRET_KEY),
    "the pepper": lambda claims: signed(claims, key=settings.SITE_KEY_PEPPERS[0]),
    "HS256 with a public key": lambda claims: signed(claims, key=PUBLIC_KEY),
    "HS512 with our key": lambda claims: signed(claims, algorithm="HS512", digest="sha512"),
    "RS256 in name": lambda claims: signed(claims, algorithm="RS256"),
    "a key id that is a path": lambda claims: signed(claims, key="", kid="/dev/null"),
    "another issuer": lambda claims: signed({**claims, "iss": "elsewhere"}),
    "no issuer": lambda claims: signed(without(claims, "iss")),
    "another audience": lambda claims: signed({**claims, "aud": "another-api"}),
    "no audience": lambda claims: signed(without(claims, "aud")),
    "expired": lambda claims: signed({**claims, "exp": int(time.time()) - 1}),
    "without an end": lambda claims: signed(without(claims, "exp")),
    "of no type": lambda claims: signed(without(claims, "token_type")),
    "of another type": lambda claims: signed({**claims, "token_type": "sliding"}),
    "of no admin": lambda claims: signed(without(claims, "user_id")),
    "of an unknown admin": lambda claims: signed({**claims, "user_id": "99999999"}),
    "without the password's mark": lambda claims: signed(without(claims, "pwd")),
    "with another password's mark": lambda claims: signed({**claims, "pwd": "0" * 32}),
}
GARBAGE = [
    "x",
    "a.b.c",
    "..",
    "eyJhbGciOiJIUzI1NiJ9..",
    f"{encoded(b'{}')}.{encoded(b'{}')}.",
    f"{encoded(b'[]')}.{encoded(b'[]')}.x",
    "Ünsinn",
    "ÿ.ÿ.ÿ",
]


def test_the_forgers_tool_makes_valid_tokens_from_the_right_parts() -> None:
    tokens = pair()
    assert me(signed(claims_of(tokens["access"]))).status_code == 200
    assert refresh(signed(claims_of(tokens["refresh"]))).status_code == 200


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_access_token_is_refused(forge: Callable[[dict[str, object]], str]) -> None:
    assert is_unauthenticated(me(forge(claims_of(pair()["access"]))))


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_refresh_token_is_refused(forge: Callable[[dict[str, object]], str]) -> None:
    assert is_unauthenticated(refresh(forge(claims_of(pair()["refresh"]))))


@pytest.mark.parametrize("family", [None, "", "x", 5, str(uuid.UUID(int=7)), ["a"]], ids=repr)
def test_a_refresh_token_of_no_family_is_refused(family: object) -> None:
    token = signed({**claims_of(pair()["refresh"]), "fam": family})
    assert is_unauthenticated(refresh(token))


def test_an_access_token_is_no_refresh_token_and_the_other_way_round() -> None:
    tokens = pair()
    assert is_unauthenticated(me(tokens["refresh"]))
    assert is_unauthenticated(refresh(tokens["access"]))
    assert is_unauthenticated(logout(tokens["access"]))
    assert refresh(tokens["refresh"]).status_code == 200


@pytest.mark.parametrize("token", GARBAGE)
def test_garbage_is_refused_by_every_endpoint(token: str) -> None:
    for answer in (me(token), refresh(token), logout(token)):
        assert is_unauthenticated(answer)


def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, signature = pair()["access"].split(".")
    claims = claims_of(pair()["access"])
    payload = signed({**claims, "user_id": "1"}).split(".")[1]
    assert is_unauthenticated(me(f"{head}.{payload}.{signature}"))


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "bearer", "Basic YW5uYTp4", "Größe", "Bearer Größe", "Token x", " "],
)
def test_an_authorization_header_of_any_other_kind_is_refused(header: str) -> None:
    assert is_unauthenticated(APIClient().get("/api/auth/me", headers={"Authorization": header}))
    assert is_unauthenticated(APIClient().get("/api/sites", headers={"Authorization": header}))
