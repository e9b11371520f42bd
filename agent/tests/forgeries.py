"""Leases and key sets, honest and forged, each with what must become of it. Tests and `vectors/` are made from these."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from portcullis_agent.encoding import decode_base64url, encode_base64url

from .signing import OTHER_SITE_ID, START, SigningKey, compact, lease_claims, lease_header

FIRST, SECOND, THIRD = SigningKey.named("first"), SigningKey.named("second"), SigningKey.named("third")
FOREIGN = SigningKey.named("foreign")
NONCE = "pY0rS3w9QkZ1vT7xNnB2cA"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class LeaseCase:
    """`reason` is the code of the refusal, or None for a lease that must be accepted; `held` is (revision, iat)."""

    name: str
    token: str
    reason: str | None = None
    nonce: str | None = NONCE
    held: tuple[int, int] | None = None


@dataclass(frozen=True)
class KeyCase:
    """With `pinned` pinned, exactly `trusted` become trusted too; each other key has its reason to be refused.

    If `signer` then signs the newest lease, exactly `set_aside` are set aside.
    """

    name: str
    keys: list[dict[str, Any]]
    trusted: list[str]
    refused: dict[str, str]
    pinned: SigningKey = FIRST
    endorsements: list[Any] = field(default_factory=list)
    signer: SigningKey | None = None
    set_aside: list[str] = field(default_factory=list)


def lease(**changes: Any) -> str:
    return FIRST.lease(**({"nonce": NONCE} | changes))


def good_leases() -> Iterator[LeaseCase]:
    yield LeaseCase("a lease that answers the request", lease())
    yield LeaseCase("without a nonce, read from a file", lease(nonce=None), nonce=None)
    yield LeaseCase("locked, with a reason in Unicode", lease(locked=True, lock_reason="Rechnung 17 für März €"))
    yield LeaseCase("not licensed", lease(licensed=False, license_expires_at="2026-01-01T00:00:00Z"))
    yield LeaseCase("license_expires_at with microseconds", lease(license_expires_at="2028-12-31T00:00:00.123456Z"))
    yield LeaseCase("nothing stops service", lease(stop_on=[]))
    yield LeaseCase("stop_on with a state that is not known", lease(stop_on=["locked", "stolen"]))
    yield LeaseCase("claims that are not known", lease(plan="gold", extra={"a": [1, 2.5, None]}))
    yield LeaseCase(
        "header members that are not known", lease(header={"x5u": "https://example.com", "jwk": FOREIGN.jwk()})
    )
    yield LeaseCase("issued in 1970: no clock is asked", lease(iat=0))
    yield LeaseCase("issued in 2099: no clock is asked", lease(iat=4_083_000_000))
    yield LeaseCase("the same revision, newer", lease(), held=(1, START - 1))
    yield LeaseCase("the same revision and time", lease(), held=(1, START))
    yield LeaseCase("a higher revision that is older by its time", lease(revision=8), held=(7, START + 1))
    yield LeaseCase("the largest revision", lease(revision=2**53 - 1))


def forged_headers() -> Iterator[LeaseCase]:
    signed, claims = lease().rsplit(".", 1)[0], compact(lease_claims(nonce=NONCE))

    def headed(changes: dict[str, Any]) -> str:
        header = lease_header(FIRST) | changes
        return FIRST.sign_bytes(compact({name: value for name, value in header.items() if value is not None}), claims)

    none = headed({"alg": "none"})
    yield LeaseCase("alg none without a signature", none.rsplit(".", 1)[0] + ".", "wrong_algorithm")
    yield LeaseCase("alg none with a signature", none, "wrong_algorithm")
    hs256 = f"{encode_base64url(compact(lease_header(FIRST) | {'alg': 'HS256'}))}.{signed.split('.')[1]}"
    mac = hmac.new(decode_base64url(FIRST.x), hs256.encode(), hashlib.sha256).digest()
    yield LeaseCase("HS256 with the public key as secret", f"{hs256}.{encode_base64url(mac)}", "wrong_algorithm")
    for alg in ("eddsa", "Ed25519", "ES256", ["EdDSA"], None):
        yield LeaseCase(f"alg {alg}", headed({"alg": alg}), "wrong_algorithm")
    for typ in ("JWT", "portcullis-key+jwt", "application/portcullis-lease+jwt", "Portcullis-Lease+JWT", None):
        yield LeaseCase(f"typ {typ}", headed({"typ": typ}), "wrong_type")
    yield LeaseCase("crit, which names an extension", headed({"crit": ["b64"], "b64": False}), "critical_header")
    yield LeaseCase("without kid", headed({"kid": None}), "malformed")
    yield LeaseCase("kid is a number", headed({"kid": 7}), "malformed")
    yield LeaseCase("an endorsement in place of a lease", FIRST.endorse(SECOND), "wrong_type")


def forged_signatures() -> Iterator[LeaseCase]:
    token = lease()
    signed, encoded = token.rsplit(".", 1)
    signature = decode_base64url(encoded)
    as_first = {"kid": FIRST.kid}
    yield LeaseCase("a foreign key", FOREIGN.lease(nonce=NONCE), "unknown_key")
    yield LeaseCase("a foreign key under a trusted kid", FOREIGN.lease(nonce=NONCE, header=as_first), "bad_signature")
    with_jwk = as_first | {"jwk": FOREIGN.jwk()}
    yield LeaseCase(
        "a foreign key that the header brings along", FOREIGN.lease(nonce=NONCE, header=with_jwk), "bad_signature"
    )
    other = lease(locked=True).split(".")[1]
    yield LeaseCase("other claims under the signature", f"{signed.split('.')[0]}.{other}.{encoded}", "bad_signature")
    for name, changed in (
        ("empty", b""),
        ("zeros", bytes(64)),
        ("cut", signature[:-1]),
        ("longer", signature + b"\0"),
        ("with S + L, the same point again", malleated(signature)),
    ):
        yield LeaseCase(f"the signature {name}", f"{signed}.{encode_base64url(changed)}", "bad_signature")


def malleated(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    return signature[:32] + s.to_bytes(32, "little")


def forged_encodings() -> Iterator[LeaseCase]:
    token = lease()
    header, payload, signature = token.split(".")
    position = ALPHABET.index(signature[-1])
    for name, text in (
        ("padding", f"{token}=="),
        ("a line feed at the end", f"{token}\n"),
        ("a space", f"{header}. {payload}.{signature}"),
        ("the alphabet of plain base64", f"{header}.{payload}.{signature[:-2]}+/"),
        ("unused bits of the last character", f"{header}.{payload}.{signature[:-1]}{ALPHABET[position ^ 1]}"),
        ("two parts", f"{header}.{payload}"),
        ("four parts", f"{token}.{signature}"),
        ("nothing", ""),
        ("a full stop three times", "..."),
    ):
        yield LeaseCase(f"encoded with {name}", text, "malformed")
    first_header, claims = compact(lease_header(FIRST)), compact(lease_claims(nonce=NONCE))
    for name, content in (
        ("a repeated claim", claims[:-1] + b',"locked":true}'),
        ("NaN", claims[:-1] + b',"x":NaN}'),
        ("bytes that are not UTF-8", claims[:-1] + b',"x":"\xff"}'),
        ("a list", b"[1]"),
        ("nesting", claims[:-1] + b',"x":' + b"[" * 2000 + b"]" * 2000 + b"}"),
        ("a byte order mark", b"\xef\xbb\xbf" + claims),
    ):
        yield LeaseCase(f"claims with {name}", FIRST.sign_bytes(first_header, content), "malformed")
    repeated = first_header[:-1] + b',"alg":"EdDSA"}'
    yield LeaseCase("a header with a repeated name", FIRST.sign_bytes(repeated, claims), "malformed")
    yield LeaseCase("longer than 16 KiB", lease(extra="x" * 16384), "too_large")


def wrong_claims() -> Iterator[LeaseCase]:
    yield LeaseCase("another site's lease", lease(sub=OTHER_SITE_ID), "other_site")
    yield LeaseCase("another issuer", lease(iss="someone"), "wrong_issuer")
    yield LeaseCase("an old nonce", lease(nonce="an-older-nonce-of-the-site"), "wrong_nonce")
    yield LeaseCase("no nonce", lease(nonce=None), "wrong_nonce")
    yield LeaseCase("a lower revision", lease(revision=6, iat=START + 60), "lower_revision", held=(7, START))
    yield LeaseCase("the same revision, older", lease(revision=7), "older", held=(7, START + 1))
    for name, value in (
        ("iat", "1790000000"),
        ("iat", True),
        ("iat", 1790000000.5),
        ("iat", -1),
        ("exp", START),
        ("exp", None),
        ("exp", 10**12),
        ("revision", -1),
        ("revision", "7"),
        ("revision", 2**53),
        ("licensed", "true"),
        ("licensed", 1),
        ("locked", None),
        ("lock_reason", 5),
        ("license_expires_at", "2026-12-31"),
        ("license_expires_at", "2026-12-31T00:00:00+02:00"),
        ("license_expires_at", "2026-02-30T00:00:00Z"),
        ("license_expires_at", 1790000000),
        ("license_expires_at", "٢٠٢٦-12-31T00:00:00Z"),
        ("lock_reason", "half a pair: \ud83d"),
        ("server_time", None),
        ("next_heartbeat_seconds", 0),
        ("next_heartbeat_seconds", "60"),
        ("stop_on", "locked"),
        ("stop_on", [1]),
        ("jti", None),
        ("nonce", 5),
    ):
        yield LeaseCase(f"{name} {value!r}", lease(**{name: value}), "wrong_claims")
    for name in sorted(set(lease_claims()) - {"iss", "sub"}):
        claims = lease_claims(nonce=NONCE)
        del claims[name]
        yield LeaseCase(f"without {name}", FIRST.sign(lease_header(FIRST), claims), "wrong_claims")


def forged_leases() -> Iterator[LeaseCase]:
    yield from forged_headers()
    yield from forged_signatures()
    yield from forged_encodings()
    yield from wrong_claims()


def key_cases() -> Iterator[KeyCase]:
    first = FIRST.jwk(state="retired")
    second = SECOND.jwk(state="retired", endorsement=FIRST.endorse(SECOND))
    third = THIRD.jwk(endorsement=SECOND.endorse(THIRD))
    both = [SECOND.kid, THIRD.kid]
    yield KeyCase("a chain of three keys", [first, second, third], both, {})
    yield KeyCase("in another order", [third, first, second], both, {})
    yield KeyCase("the pinned key has left the set", [second, third], both, {})
    yield KeyCase(
        "pinned in the middle", [first, second, third], [THIRD.kid], {FIRST.kid: "not_endorsed"}, pinned=SECOND
    )
    yield KeyCase("a link is missing", [first, third], [], {THIRD.kid: "unknown_key"})
    yield KeyCase("beside keys of other kinds", [{"kty": "RSA", "n": "AQAB"}, second], [SECOND.kid], {})

    def refused(name: str, endorsement: str | None, reason: str, key: SigningKey = FOREIGN) -> KeyCase:
        return KeyCase(name, [first, second, key.jwk(endorsement=endorsement)], [SECOND.kid], {key.kid: reason})

    yield refused("not endorsed", None, "not_endorsed")
    yield refused("endorsed by itself", FOREIGN.endorse(FOREIGN), "unknown_key")
    by_itself = FOREIGN.endorse(FOREIGN, header={"kid": FIRST.kid})
    yield refused("endorsed by itself under a trusted kid", by_itself, "bad_signature")
    yield refused("the endorsement of another key", FIRST.endorse(SECOND), "other_key")
    yield refused("sub names another key", FIRST.endorse(FOREIGN, sub=THIRD.kid), "other_key")
    other_jwk = {"kty": "OKP", "crv": "Ed25519", "x": THIRD.x}
    yield refused("jwk is another key", FIRST.endorse(FOREIGN, jwk=other_jwk), "other_key")
    yield refused("jwk is missing", FIRST.endorse(FOREIGN, jwk=None), "other_key")
    yield refused("another issuer", FIRST.endorse(FOREIGN, iss="someone"), "wrong_issuer")
    yield refused("iat is a text", FIRST.endorse(FOREIGN, iat="today"), "wrong_claims")  # type: ignore[arg-type]
    yield refused("typ of a lease", FIRST.endorse(FOREIGN, header={"typ": "portcullis-lease+jwt"}), "wrong_type")
    yield refused("a lease in place of an endorsement", FIRST.lease(), "wrong_type")
    none = FIRST.endorse(FOREIGN, header={"alg": "none"}).rsplit(".", 1)[0] + "."
    yield refused("alg none", none, "wrong_algorithm")
    yield refused("alg HS256", FIRST.endorse(FOREIGN, header={"alg": "HS256"}), "wrong_algorithm")
    yield refused("crit", FIRST.endorse(FOREIGN, header={"crit": ["x"]}), "critical_header")
    yield refused("cut", FIRST.endorse(FOREIGN)[:-4], "malformed")
    yield refused("no token", "endorsed", "malformed")
    pair = [
        FOREIGN.jwk(endorsement=THIRD.endorse(FOREIGN)),
        THIRD.jwk(endorsement=FOREIGN.endorse(THIRD)),
    ]
    loop = {FOREIGN.kid: "unknown_key", THIRD.kid: "unknown_key"}
    yield KeyCase("two keys that endorse each other", [first, *pair], [], loop)
    under_other_kid = FOREIGN.jwk(endorsement=FIRST.endorse(SECOND)) | {"kid": SECOND.kid}
    yield KeyCase("a key under another's kid", [first, under_other_kid], [], {SECOND.kid: "wrong_kid"})
    short = FOREIGN.jwk(endorsement=FIRST.endorse(FOREIGN)) | {"x": encode_base64url(bytes(31))}
    yield KeyCase("x with 31 bytes", [first, short], [], {FOREIGN.kid: "malformed"})
    other_kind = FOREIGN.jwk(endorsement=FIRST.endorse(FOREIGN)) | {"crv": "X25519"}
    yield KeyCase("another curve", [first, other_kind], [], {FOREIGN.kid: "wrong_key_type"})


def chain_cases() -> Iterator[KeyCase]:
    """Sets whose `endorsements` count."""
    present = THIRD.jwk(endorsement=SECOND.endorse(THIRD))
    links = [FIRST.endorse(SECOND), SECOND.endorse(THIRD)]
    both = [SECOND.kid, THIRD.kid]
    yield KeyCase("the keys before have left the set", [present], both, {}, endorsements=links)
    yield KeyCase("endorsements in the wrong order", [present], both, {}, endorsements=links[::-1])
    yield KeyCase("endorsements only", [], both, {}, endorsements=links)
    yield KeyCase("the keys have no endorsements of their own", [THIRD.jwk()], both, {}, endorsements=links)
    other = [THIRD.jwk(endorsement=FOREIGN.endorse(THIRD))]
    yield KeyCase("a key with another, useless endorsement of its own", other, both, {}, endorsements=links)
    garbage = [None, 7, "", "endorsed", {}, ["x"], FIRST.lease(), "a.b.c", "é.ü.ß", links[0][:-4]]
    yield KeyCase("endorsements between garbage", [present], both, {}, endorsements=[*garbage, *links, *garbage])

    def refused(name: str, *endorsements: str) -> KeyCase:
        return KeyCase(name, [present], both, {}, endorsements=[*endorsements, *links, *endorsements])

    other_jwk = {"kty": "OKP", "crv": "Ed25519", "x": FOREIGN.x}
    yield refused("in the list: endorsed by itself", FOREIGN.endorse(FOREIGN))
    by_itself = FOREIGN.endorse(FOREIGN, header={"kid": FIRST.kid})
    yield refused("in the list: endorsed by itself under a trusted kid", by_itself)
    yield refused("in the list: jwk is another key than sub", FIRST.endorse(SECOND, jwk=other_jwk))
    yield refused("in the list: sub is another key than jwk", FIRST.endorse(FOREIGN, sub=SECOND.kid))
    changed = compact({"iss": "portcullis", "iat": START, "sub": FOREIGN.kid, "jwk": other_jwk})
    header, _, signature = links[0].split(".")
    replayed = f"{header}.{encode_base64url(changed)}.{signature}"
    yield refused("in the list: replayed for another key", replayed)
    yield refused("in the list: another issuer", FIRST.endorse(FOREIGN, iss="someone"))
    yield refused("in the list: another curve", FIRST.endorse(FOREIGN, jwk=other_jwk | {"crv": "X25519"}))
    yield refused("in the list: typ of a lease", FIRST.endorse(FOREIGN, header={"typ": "portcullis-lease+jwt"}))
    lost = SigningKey.named("a key that is not trusted")
    yield refused("in the list: two keys that endorse each other", lost.endorse(FOREIGN), FOREIGN.endorse(lost))


def set_aside_cases() -> Iterator[KeyCase]:
    """What a set that was read after a good lease by `signer` sets aside."""
    second = SECOND.jwk(state="retired", endorsement=FIRST.endorse(SECOND))
    third = THIRD.jwk(endorsement=SECOND.endorse(THIRD))
    links = [FIRST.endorse(SECOND), SECOND.endorse(THIRD)]

    def case(name: str, keys: list[dict[str, Any]], signer: SigningKey, *set_aside: SigningKey) -> KeyCase:
        kids = [key.kid for key in set_aside]
        return KeyCase(name, keys, [SECOND.kid, THIRD.kid], {}, endorsements=links, signer=signer, set_aside=kids)

    yield case("all are listed", [FIRST.jwk(), second, third], THIRD)
    yield case("two keys before the one that signs have left the set", [third], THIRD, FIRST, SECOND)
    yield case("one key before it has left the set", [second, third], THIRD, FIRST)
    yield case("later keys are not listed", [second], SECOND, FIRST)
    yield case("an empty set", [], THIRD)
    yield case("the set does not list the key that signs", [FIRST.jwk(), second], THIRD)
    yield case("the set lists a foreign key only", [FOREIGN.jwk()], THIRD)
    yield case("a foreign key signs", [FOREIGN.jwk()], FOREIGN)
